import assert from "node:assert/strict";
import { HcsError } from "../../../../hcs/errors.ts";
import { Recorder } from "../../../../hcs/scripted/recorder.ts";

const fails =
  (hresult: number) =>
  (error: unknown): boolean =>
    error instanceof HcsError && error.hresult === hresult;

describe("Recorder", () => {
  it("notes calls as they are in JSON", () => {
    const recorder = new Recorder();
    recorder.note({ call: "A", b: undefined, c: 2n ** 60n });
    assert.deepEqual(recorder.entries, [{ call: "A", c: 2n ** 60n }]);
  });

  it("keeps documents by name, another one of the same name under a number", () => {
    const recorder = new Recorder();
    assert.deepEqual(recorder.keep("container-c1", { a: 1 }), { $file: "container-c1.json" });
    assert.deepEqual(recorder.keep("container-c1", { a: 1 }), { $file: "container-c1.json" });
    assert.deepEqual(recorder.keep("container-c1", { a: 2 }), { $file: "container-c1-2.json" });
    assert.deepEqual([...recorder.documents.keys()], ["container-c1.json", "container-c1-2.json"]);
  });

  it("fails a call that is scripted to fail, after noting it", () => {
    const recorder = new Recorder([{ call: "A", hresult: 0x8007_0005 }]);
    assert.throws(() => recorder.attempt({ call: "A" }), fails(0x8007_0005));
    recorder.attempt({ call: "B" });
    assert.deepEqual(
      recorder.entries.map(({ call }) => call),
      ["A", "B"],
    );
  });

  it("finds the text of a failure in a request, its paths with single backslashes too", () => {
    const recorder = new Recorder([{ call: "A", match: "C:\\x", hresult: 1 }]);
    recorder.attempt({ call: "A", path: "C:\\y" });
    assert.throws(() => recorder.attempt({ call: "A", path: "C:\\x\\z" }), fails(1));
  });

  it("finds it in the document that a call hands over", () => {
    const recorder = new Recorder([{ call: "GCS.Create", match: "needle", hresult: 1 }]);
    const ContainerConfig = recorder.keep("container-c1", { hostname: "needle" });
    assert.throws(() => recorder.attempt({ call: "GCS.Create", body: { ContainerConfig } }), fails(1));
  });

  it("fails only the call of that number where one is named", () => {
    const recorder = new Recorder([{ call: "A", nth: 2, hresult: 1 }]);
    recorder.attempt({ call: "A" });
    assert.throws(() => recorder.attempt({ call: "A" }), fails(1));
    recorder.attempt({ call: "A" });
  });
});
