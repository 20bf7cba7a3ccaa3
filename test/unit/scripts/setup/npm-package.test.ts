import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  lockedPackage,
  npmPackageDirectory,
  verifyIntegrity,
} from "../../../../scripts/setup/npm-package.ts";
import { SetupError } from "../../../../scripts/setup/setup.ts";

const ARCHIVE = Buffer.from("an archive");
const PACKAGE = {
  name: "@scope/thing",
  version: "1.2.3",
  integrity: `sha512-${createHash("sha512").update(ARCHIVE).digest("base64")}`,
};

describe("verifyIntegrity", () => {
  it("takes the very archive", () => verifyIntegrity(ARCHIVE, PACKAGE));

  it("refuses any other, naming package and both digests", () => {
    assert.throws(
      () => verifyIntegrity(Buffer.from("another"), PACKAGE),
      (error: Error) =>
        error instanceof SetupError &&
        error.message.startsWith(
          "cannot use npm package @scope/thing@1.2.3: its archive has digest sha512-",
        ) &&
        error.message.endsWith(`, wanted ${PACKAGE.integrity}`),
    );
  });
});

describe("npmPackageDirectory", () => {
  it("is one folder per version, for scoped packages too", () => {
    assert.match(npmPackageDirectory(PACKAGE), /\/npm\/@scope\+thing@1\.2\.3$/);
  });
});

describe("lockedPackage", () => {
  const root = mkdtempSync(join(tmpdir(), "locked-"));
  after(() => rmSync(root, { recursive: true }));

  it("finds version and digest in the lockfile", () => {
    const { version, integrity } = PACKAGE;
    const packages = { "node_modules/@scope/thing": { version, integrity } };
    writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages }));
    assert.deepEqual(lockedPackage("@scope/thing", root), PACKAGE);
  });

  it("says when the lockfile does not have it", () => {
    assert.throws(() => lockedPackage("other", root), {
      message: "cannot find npm package other: package-lock.json does not have it",
    });
  });
});
