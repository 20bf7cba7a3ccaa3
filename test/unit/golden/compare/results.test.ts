import assert from "node:assert/strict";
import { Placeholders } from "../../../golden/runner/compare/placeholders.ts";
import { compareResults, compareWarnings } from "../../../golden/runner/compare/results.ts";
import { compareTable } from "../../../golden/runner/compare/table.ts";

const placeholders = (): Placeholders =>
  new Placeholders({ OWNER: "shim", SHIMDIR: "C:\\shim", temporaryDirectories: [] });

describe("compareResults", () => {
  const paths = (expected: object, actual: object): string[] =>
    compareResults(
      [{ op: "start", id: "c1", ...expected }],
      [{ op: "start", id: "c1", ...actual }],
      placeholders(),
    ).map(({ path }) => path);

  it("compares members of the response", () => {
    assert.deepEqual(paths({ ok: true, response: { pid: 1 } }, { ok: true, response: { pid: 1 } }), []);
    assert.deepEqual(paths({ ok: true, response: { pid: 1 } }, { ok: true, response: {} }), [
      "results.json step 1 start c1/response/pid",
    ]);
  });

  it("compares the status of a failure, not what it is about", () => {
    const expected = { error: { code: "NotFound", about: "no such task" } };
    assert.deepEqual(paths(expected, { error: { code: "NotFound", message: "task" } }), []);
    assert.deepEqual(paths(expected, { error: { code: "Unknown", message: "task" } }), [
      "results.json step 1 start c1/error/code",
    ]);
  });

  it("tells once of a failure where success was expected, and the other way round", () => {
    const failure = { error: { code: "Unknown", message: "why" } };
    assert.deepEqual(paths({ ok: true, response: { pid: 1 } }, failure), ["results.json step 1 start c1"]);
    assert.deepEqual(paths(failure, { ok: true, response: {} }), ["results.json step 1 start c1"]);
  });

  it("tells of steps that were not run", () => {
    assert.deepEqual(compareResults([{ op: "start", ok: true }], [], placeholders()).length, 1);
  });
});

describe("compareWarnings", () => {
  it("compares them in any order, without the reasons that are for people", () => {
    const one = { kind: "registry-value-rejected", why: "one" };
    const two = { kind: "annotation-unparsable", annotation: "a", value: "b", expectedType: "bool" };
    assert.deepEqual(compareWarnings([one, two], [two, { ...one, why: "two" }]), []);
    assert.equal(compareWarnings([one, two], [two]).length, 1);
    assert.equal(compareWarnings([], [one]).length, 1);
    assert.equal(compareWarnings([two], [{ ...two, value: "c" }]).length, 1);
  });
});

describe("compareTable", () => {
  const paths = (expected: object, actual: object): string[] =>
    compareTable([{ row: 0, ...expected }], [{ row: 0, ...actual }], placeholders()).map(({ path }) => path);

  it("compares everything but the texts of errors", () => {
    assert.deepEqual(paths({ a: 1, error: { about: "x" } }, { a: 1, error: "y" }), []);
    assert.deepEqual(paths({ a: 1 }, { a: 1, error: "y" }), ["results.json row 0/error"]);
    assert.deepEqual(paths({ a: 1, error: { about: "x" } }, { a: 2, error: "y" }), ["results.json row 0/a"]);
  });

  it("wants options refused where the reference refuses them for more than boot files", () => {
    const verify = (error: string): object => ({ verify: { error } });
    assert.deepEqual(paths(verify("deferred"), verify("must have overcommit")), []);
    assert.deepEqual(paths(verify("deferred"), verify("boot files not set")), ["results.json row 0/verify"]);
    assert.deepEqual(paths(verify("boot files not set"), verify("must not be negative")), []);
  });

  it("takes options for accepted that have no error, however that is said", () => {
    const refused = { verify: { error: "deferred" } };
    for (const accepted of [{ verify: { ok: true } }, { verify: {} }, { verify: null }, {}]) {
      assert.deepEqual(paths(accepted, { verify: { ok: true } }), []);
      assert.deepEqual(paths(refused, accepted), ["results.json row 0/verify"]);
    }
  });
});
