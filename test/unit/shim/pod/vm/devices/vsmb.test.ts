import assert from "node:assert/strict";
import { win32 } from "node:path";
import type { ShimError } from "../../../../../../shim/errors.ts";
import { VsmbShares, type VsmbRequest } from "../../../../../../shim/pod/vm/devices/vsmb.ts";
import { FakeUvm } from "../../../../../support/fake-uvm.ts";

const NEVER = new AbortController().signal;
const SHARES = "VirtualMachine/Devices/VirtualSmb/Shares";
const GUEST = "\\\\?\\VMSMB\\VSMB-{dcc079ae-60ba-4d07-847c-3493609c0870}\\";

const directory = (path: string, more: Partial<VsmbRequest> = {}): VsmbRequest => ({
  path,
  kind: "directory",
  readOnly: true,
  ...more,
});
const file = (path: string): VsmbRequest => ({ path, kind: "file", readOnly: true });

function shares({ noDirectMap = false, refuseWritable = false } = {}) {
  const uvm = new FakeUvm();
  return { uvm, shares: new VsmbShares({ uvm: uvm.view, paths: win32, noDirectMap, refuseWritable }) };
}

/** What a call did, its settings parsed. */
function requests(uvm: FakeUvm): unknown[] {
  return uvm.calls.map((call) => {
    const [verb = "", , ...settings] = call.split(" ");
    return [verb, JSON.parse(settings.join(" ")) as unknown];
  });
}

describe("VsmbShares", () => {
  it("shares a read-only directory so that the host keeps its caches", async () => {
    const { uvm, shares: vsmb } = shares();
    const share = vsmb.reserve(directory("C:\\data"));
    assert.equal(share.guestPath, `${GUEST}s1`);
    await share.acquire(NEVER);
    const Options = { ShareRead: true, CacheIo: true, ReadOnly: true, PseudoOplocks: true };
    assert.deepEqual(requests(uvm), [["Add", { Name: "s1", Path: "C:\\data", Options }]]);
    assert.ok(uvm.calls[0]?.startsWith(`Add ${SHARES} `));
  });

  it("shares a writable directory without options, and a layer with backup privileges", async () => {
    const { uvm, shares: vsmb } = shares();
    await vsmb.reserve(directory("C:\\rw", { readOnly: false })).acquire(NEVER);
    await vsmb.reserve(directory("C:\\layer", { layer: true })).acquire(NEVER);
    const [writable, layer] = requests(uvm) as [string, { Options: Record<string, boolean> }][];
    assert.deepEqual(writable?.[1].Options, {});
    assert.equal(layer?.[1].Options["TakeBackupPrivilege"], true);
  });

  it("maps nothing of a directory whose files have no ids where that cannot be, and takes it away again", async () => {
    const uvm = new FakeUvm();
    const canMap = async (path: string): Promise<boolean> => path !== "Z:\\net";
    const init = { uvm: uvm.view, paths: win32, noDirectMap: false, refuseWritable: false, canMap };
    const vsmb = new VsmbShares(init);
    const [remote, local] = ["Z:\\net", "C:\\data"].map((path) => vsmb.reserve(directory(path)));
    for (const share of [remote!, local!]) {
      await share.acquire(NEVER);
      await share.release(NEVER);
    }
    const told = (requests(uvm) as [string, { Name: string; Options?: { NoDirectmap?: true } }][]).map(
      ([verb, { Name, Options }]) => [verb, Name, Options?.NoDirectmap ?? false],
    );
    assert.deepEqual(told, [
      ["Add", "s1", true],
      ["Remove", "s1", false],
      ["Add", "s2", false],
    ]);
  });

  it("finds a share again by its clean path and its direction", async () => {
    const { uvm, shares: vsmb } = shares();
    await vsmb.reserve(directory("C:\\data")).acquire(NEVER);
    const again = vsmb.reserve(directory("C:\\x\\..\\data\\"));
    await again.acquire(NEVER);
    assert.equal(again.name, "s1");
    const writable = vsmb.reserve(directory("C:\\data", { readOnly: false }));
    assert.equal(writable.name, "s2");
    assert.equal(uvm.calls.length, 1);
  });

  it("names shares in hexadecimal and never twice", async () => {
    const { shares: vsmb } = shares({ noDirectMap: true });
    const names: string[] = [];
    for (let index = 0; index < 17; index++) {
      const share = vsmb.reserve(directory("C:\\data"));
      await share.acquire(NEVER);
      await share.release(NEVER);
      names.push(share.name);
    }
    assert.deepEqual(names.slice(8), ["s9", "sa", "sb", "sc", "sd", "se", "sf", "s10", "s11"]);
  });

  it("keeps a share whose files are mapped into the guest", async () => {
    const { uvm, shares: vsmb } = shares();
    const share = vsmb.reserve(directory("C:\\data"));
    await share.acquire(NEVER);
    await share.release(NEVER);
    const again = vsmb.reserve(directory("C:\\data"));
    await again.acquire(NEVER);
    assert.deepEqual([again.name, uvm.calls.length], ["s1", 1]);
  });

  it("removes a share without direct mapping with its last user", async () => {
    const { uvm, shares: vsmb } = shares({ noDirectMap: true });
    const [first, second] = [vsmb.reserve(directory("C:\\data")), vsmb.reserve(directory("C:\\data"))];
    await Promise.all([first.acquire(NEVER), second.acquire(NEVER)]);
    await first.release(NEVER);
    await first.release(NEVER);
    assert.equal(uvm.calls.length, 1, "its second user has it still");
    await second.release(NEVER);
    assert.deepEqual(requests(uvm).at(-1), ["Remove", { Name: "s1" }]);
    const [, added] = requests(uvm)[0] as [string, { Options: Record<string, boolean> }];
    assert.equal(added.Options["NoDirectmap"], true);
  });

  it("shares the directory of a file restricted to it, and updates the list for the next", async () => {
    const { uvm, shares: vsmb } = shares();
    const first = vsmb.reserve(file("C:\\files\\a.txt"));
    const second = vsmb.reserve(file("C:\\files\\b.txt"));
    await first.acquire(NEVER);
    await second.acquire(NEVER);
    assert.deepEqual([first.guestPath, second.guestPath], [`${GUEST}s1\\a.txt`, `${GUEST}s1\\b.txt`]);
    const lists = (requests(uvm) as [string, { AllowedFiles: string[]; Path: string }][]).map(
      ([verb, { AllowedFiles, Path }]) => [verb, Path, AllowedFiles],
    );
    assert.deepEqual(lists, [
      ["Add", "C:\\files", ["C:\\files\\a.txt"]],
      ["Update", "C:\\files", ["C:\\files\\a.txt", "C:\\files\\b.txt"]],
    ]);
  });

  it("allows a file once, and keeps files apart from their directory", async () => {
    const { uvm, shares: vsmb } = shares();
    await vsmb.reserve(file("C:\\files\\a.txt")).acquire(NEVER);
    await vsmb.reserve(file("C:\\files\\a.txt")).acquire(NEVER);
    const whole = vsmb.reserve(directory("C:\\files"));
    assert.equal(whole.name, "s2");
    assert.equal(uvm.calls.length, 1);
  });

  it("does not allow a file whose user gave up before the share came up", async () => {
    const { uvm, shares: vsmb } = shares();
    const gone = vsmb.reserve(file("C:\\files\\secret"));
    const wanted = vsmb.reserve(file("C:\\files\\a.txt"));
    await gone.release(NEVER);
    await wanted.acquire(NEVER);
    const [[, added]] = requests(uvm) as [[string, { AllowedFiles: string[] }]];
    assert.deepEqual(added.AllowedFiles, ["C:\\files\\a.txt"]);
  });

  it("leaves nothing behind when the host refuses", async () => {
    const { uvm, shares: vsmb } = shares();
    uvm.fail("Add");
    await assert.rejects(vsmb.reserve(directory("C:\\data")).acquire(NEVER), /failed/);
    const next = vsmb.reserve(directory("C:\\data"));
    await next.acquire(NEVER);
    assert.deepEqual([next.name, uvm.calls.length], ["s2", 1]);
  });

  it("gives its part back when a further file is refused", async () => {
    const { uvm, shares: vsmb } = shares({ noDirectMap: true });
    const first = vsmb.reserve(file("C:\\files\\a.txt"));
    await first.acquire(NEVER);
    uvm.fail("Update");
    const second = vsmb.reserve(file("C:\\files\\b.txt"));
    await assert.rejects(second.acquire(NEVER), /failed/);
    assert.equal(second.state, "released");
    await first.release(NEVER);
    assert.deepEqual(requests(uvm).at(-1), ["Remove", { Name: "s1" }]);
  });

  it("can release again what could not be removed", async () => {
    const { uvm, shares: vsmb } = shares({ noDirectMap: true });
    const share = vsmb.reserve(directory("C:\\data"));
    await share.acquire(NEVER);
    uvm.fail("Remove");
    await assert.rejects(share.release(NEVER), /failed/);
    await share.release(NEVER);
    assert.equal(share.state, "released");
    assert.deepEqual(requests(uvm).at(-1), ["Remove", { Name: "s1" }]);
  });

  it("refuses writable shares where the pod forbids them, and nothing else", () => {
    const { shares: vsmb } = shares({ refuseWritable: true });
    assert.throws(
      () => vsmb.reserve(directory("C:\\rw", { readOnly: false })),
      (error: ShimError) => error.code === "SHARE_REFUSED" && error.message.includes("C:\\rw"),
    );
    assert.equal(vsmb.reserve(directory("C:\\ro")).name, "s1");
  });
});
