import assert from "node:assert/strict";
import { guestRootfsLocation } from "../../../../oci/host-process/rootfs-location.ts";
import { ROOTFS } from "./specs.ts";

describe("guestRootfsLocation", () => {
  const ACCEPTED = [
    ["C:\\custom\\hpc", "C:\\custom\\hpc"],
    ["C:\\custom\\hpc\\", "C:\\custom\\hpc"],
    ["C:/custom", "C:\\custom"],
    ["C:\\", "C:\\"],
    ["C:\\WindowsBackup", "C:\\WindowsBackup"],
    ["C:\\Windows.old", "C:\\Windows.old"],
    ["C:\\SandboxMountsX", "C:\\SandboxMountsX"],
    ["D:\\Windows", "D:\\Windows"],
    ["C:\\a\\.\\b\\..\\c", "C:\\a\\c"],
  ] as const;
  for (const [given, expected] of ACCEPTED) {
    it(`takes ${JSON.stringify(given)}`, () =>
      assert.equal(guestRootfsLocation({ [ROOTFS]: given }), expected));
  }

  const REFUSED = [
    "",
    "\\\\server\\share",
    "//server/share",
    "\\\\?\\C:\\x",
    "C:\\Windows",
    "C:\\windows\\System32",
    "C:\\foo\\..\\Windows",
    "C:\\a\\..\\..\\Windows",
    "C:\\EFI\\",
    "C:\\mounts\\scsi",
    "c:/sandboxmounts/x",
    "..\\..\\Windows\\System32",
    "C:foo\\bar",
    "\\foo",
    "/foo",
    "C:",
    " C:\\x",
    // What Windows takes for the same names.
    "C:\\Windows. ",
    "C:\\mounts..\\x",
    "C:\\Windows::$INDEX_ALLOCATION",
  ];
  for (const given of REFUSED) {
    it(`refuses ${JSON.stringify(given)}`, () =>
      assert.throws(() => guestRootfsLocation({ [ROOTFS]: given }), {
        name: "SpecError",
        message: /unsafe path detected/,
      }));
  }

  it("leaves the choice to the guest without the annotation", () => {
    assert.equal(guestRootfsLocation({}), undefined);
  });
});
