import assert from "node:assert/strict";
import { isInVm, ownPath } from "../../../../../hcs/emulator/guest/guest-path.ts";

describe("ownPath", () => {
  for (const [path, expected] of [
    ["/run/gcs/c/x", "/run/gcs/c/x"],
    ["/run//gcs/./c/", "/run/gcs/c"],
    ["/run/a/../b", "/run/b"],
  ] as const) {
    it(`accepts ${path}`, () => {
      assert.equal(ownPath(path, "MountPath"), expected);
    });
  }

  for (const path of [undefined, "", "/run", "/run/", "run/x", "/", "/etc", "/running/x", "/run/../etc"]) {
    it(`refuses ${JSON.stringify(path)}`, () => {
      assert.throws(() => ownPath(path, "MountPath"), {
        hresult: 0x80004005,
        message: `MountPath "${path ?? ""}" is not below /run/`,
      });
    });
  }
});

describe("isInVm", () => {
  for (const [path, expected] of [
    ["/run/x", true],
    ["/dev", true],
    ["/dev/../etc", false],
    ["/sys/fs/cgroup", true],
    ["/etc/hosts", false],
    ["/device", false],
  ] as const) {
    it(`is ${expected} for ${path}`, () => {
      assert.equal(isInVm(path), expected);
    });
  }
});
