// Tells scripts/test what mocha does: one JSON line per event on file descriptor 3, or to the file RUNHCS_TEST_EVENTS.
// CommonJS, because mocha requires its reporters and takes the module itself for the constructor.
"use strict";
const { openSync, writeSync } = process.getBuiltinModule("node:fs");

const file = process.env.RUNHCS_TEST_EVENTS;
const EVENTS_FD = file === undefined ? 3 : openSync(file, "a");

module.exports = class {
  constructor(runner) {
    const tell = (event) => writeSync(EVENTS_FD, `${JSON.stringify(event)}\n`);
    const depthOf = (suite) => (suite.parent === undefined ? 0 : 1 + depthOf(suite.parent));

    runner.once("start", () => tell({ kind: "start", total: runner.total }));
    runner.on("suite", (suite) => tell({ kind: "suite", title: suite.title, depth: depthOf(suite) }));
    runner.on("suite end", (suite) => tell({ kind: "suite-end", title: suite.title, depth: depthOf(suite) }));
    runner.on("test", (test) => tell({ kind: "test", title: test.fullTitle() }));
    runner.on("pass", (test) =>
      tell({ kind: "pass", title: test.fullTitle(), durationMs: test.duration ?? 0 }),
    );
    runner.on("pending", (test) => tell({ kind: "skip", title: test.fullTitle() }));
    runner.on("fail", (test, error) => {
      // What assertions compare is part of their message already; the stack repeats the message.
      const text = error?.stack ?? error?.message ?? String(error);
      tell({ kind: "fail", title: test.fullTitle(), file: test.file ?? "", text });
    });
    runner.once("end", () => tell({ kind: "end" }));
  }
};
