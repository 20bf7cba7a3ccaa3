import assert from "node:assert/strict";
import { readSpec } from "../../../../oci/spec.ts";
import { accountOf, logonOf, temporaryAccount } from "../../../../oci/windows/account.ts";

const account = (username: string, inherit?: string) =>
  accountOf(
    readSpec({
      process: { user: { username } },
      annotations: inherit === undefined ? {} : { "microsoft.com/hostprocess-inherit-user": inherit },
    }),
  );

describe("accountOf", () => {
  it("is the shim's own where the user is inherited, whatever name is given", () => {
    assert.deepEqual(account("whoever", "true"), { kind: "inherited" });
  });
  for (const inherit of ["True", "1", "false", ""]) {
    it(`is the named one where inherit-user is ${JSON.stringify(inherit)}`, () => {
      assert.deepEqual(account("u", inherit), { kind: "named", name: "u" });
    });
  }
  it("is not anybody", () => assert.throws(() => account(""), /empty username or group name passed/));
});

describe("logonOf", () => {
  it("logs accounts of the system on as services", () => {
    assert.deepEqual(logonOf("NT AUTHORITY\\SYSTEM"), {
      user: "SYSTEM",
      domain: "NT AUTHORITY",
      asService: true,
    });
  });
  it("compares that domain exactly", () => {
    assert.equal(logonOf("nt authority\\system").asService, false);
  });
  it("takes names with a domain and without", () => {
    assert.deepEqual(logonOf("CORP\\svc"), { user: "svc", domain: "CORP", asService: false });
    assert.deepEqual(logonOf("svc"), { user: "svc", domain: "", asService: false });
  });
  it("refuses more than one backslash", () => assert.throws(() => logonOf("a\\b\\c"), /DOMAIN\\name/));
});

describe("temporaryAccount", () => {
  it("is the beginning of the container's id, all of a short one", () => {
    assert.equal(temporaryAccount("containeridlongerthantwenty"), "containeridlongertha");
    assert.equal(temporaryAccount("c1"), "c1");
  });
});
