import assert from "node:assert/strict";
import { Ctr } from "../../support/ctr.ts";

describe("Ctr", () => {
  const ctr = new Ctr({
    program: "ctr",
    address: "/a.sock",
    namespace: "ns",
    runtime: "io.x.v1",
    fifoDirectory: "/fifo",
  });

  it("puts address and namespace in front", () => {
    assert.deepEqual(ctr.commandLine(["tasks", "ls"]), [
      "ctr",
      "--address",
      "/a.sock",
      "--namespace",
      "ns",
      "tasks",
      "ls",
    ]);
  });

  it("removes an attached container at its end", () => {
    assert.deepEqual(ctr.runArguments("id", { args: ["true"] }), [
      ...[
        "run",
        "--rm",
        "--fifo-dir",
        "/fifo",
        "--runtime",
        "io.x.v1",
        "localhost/busybox:test",
        "id",
        "true",
      ],
    ]);
  });

  it("leaves a detached one", () => {
    assert.ok(!ctr.runArguments("id", {}, ["--detach"]).includes("--rm"));
  });

  it("gives a log URI instead of FIFOs", () => {
    const words = ctr.runArguments("id", { logUri: "file:///log" });
    assert.deepEqual(words.slice(0, 4), ["run", "--rm", "--log-uri", "file:///log"]);
    assert.ok(!words.includes("--fifo-dir"));
  });

  it("writes every option of a run", () => {
    const words = ctr.runArguments("id", {
      env: { A: "1", B: "2" },
      annotations: { k: "v" },
      mounts: ["type=bind,src=/a,dst=/b"],
      memoryLimitBytes: 1024,
      cpus: 0.5,
      tty: true,
      configPath: "/c",
      runtime: "io.y.v2",
    });
    const text = words.join(" ");
    for (const part of [
      "--env A=1 --env B=2",
      "--annotation k=v",
      "--mount type=bind,src=/a,dst=/b",
      "--memory-limit 1024",
      "--cpus 0.5",
      "--tty",
      "--runtime-config-path /c",
      "--runtime io.y.v2",
    ]) {
      assert.ok(text.includes(part), `${part} in ${text}`);
    }
  });

  it("names exec, user and terminal", () => {
    assert.deepEqual(ctr.execArguments("id", "e", ["sh"], { tty: true, user: "nobody", detach: true }), [
      ...[
        "tasks",
        "exec",
        "--exec-id",
        "e",
        "--tty",
        "--detach",
        "--user",
        "nobody",
        "--fifo-dir",
        "/fifo",
        "id",
        "sh",
      ],
    ]);
  });

  it("tells the ids it is asked for", () => {
    const ids: string[] = [];
    const telling = new Ctr({ ...ctr.options, onTask: (id) => ids.push(id) });
    telling.runArguments("one", {});
    telling.runArguments("two", {}, ["--detach"]);
    assert.deepEqual(ids, ["one", "two"]);
  });
});
