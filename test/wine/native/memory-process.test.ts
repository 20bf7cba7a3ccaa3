/** The process that holds a VM's memory. Wine has no VMs: any process stands in, found in the same way. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import {
  accountOf,
  vmAccount,
  workingSetOf,
  workingSetOfVm,
} from "../../../hcs/win32/compute/memory-process.ts";
import { PROCESS_QUERY_LIMITED_INFORMATION, withProcess } from "../../../hcs/win32/process-handle.ts";

const VM = "00112233-4455-6677-8899-aabbccddeeff";

describe("memory of a VM", () => {
  const own = basename(process.execPath);
  const account = withProcess(process.pid, PROCESS_QUERY_LIMITED_INFORMATION, accountOf);

  it("is the working set of the process with the name and the account", () => {
    assert.match(account ?? "", /^S-1-5-/);
    const bytes = Number(workingSetOf(own.toUpperCase(), account ?? ""));
    assert.ok(bytes > 2 ** 20 && bytes < 2 ** 32, `${bytes} bytes`);
  });

  it("is unknown when no process has the name, or the one that has it runs as somebody else", () => {
    assert.equal(workingSetOf("nosuch.exe", account ?? ""), undefined);
    assert.equal(workingSetOf(own, vmAccount(VM)), undefined);
    assert.equal(workingSetOfVm(VM), undefined);
  });

  it("belongs to an account that is made of the VM's id", () => {
    assert.equal(vmAccount(VM), `S-1-5-83-1-${0x0011_2233}-${0x6677_4455}-${0xbbaa_9988}-${0xffee_ddcc}`);
  });
});
