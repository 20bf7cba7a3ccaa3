import assert from "node:assert/strict";
import { homedir } from "node:os";
import { cacheDirectory } from "../../../../scripts/setup/cache.ts";

describe("cacheDirectory", () => {
  const cases: [string, NodeJS.ProcessEnv, string][] = [
    ["is below the home directory", {}, `${homedir()}/.cache/containerd-shim-runhcs`],
    ["follows XDG_CACHE_HOME", { XDG_CACHE_HOME: "/x" }, "/x/containerd-shim-runhcs"],
    [
      "ignores a relative XDG_CACHE_HOME",
      { XDG_CACHE_HOME: "x" },
      `${homedir()}/.cache/containerd-shim-runhcs`,
    ],
    [
      "is what RUNHCS_CACHE_DIRECTORY names",
      { RUNHCS_CACHE_DIRECTORY: "/own", XDG_CACHE_HOME: "/x" },
      "/own",
    ],
  ];
  for (const [title, environment, expected] of cases) {
    it(title, () => assert.equal(cacheDirectory(environment), expected));
  }

  it("refuses a relative RUNHCS_CACHE_DIRECTORY", () => {
    assert.throws(
      () => cacheDirectory({ RUNHCS_CACHE_DIRECTORY: "own" }),
      /"own": it is not an absolute path/,
    );
  });
});
