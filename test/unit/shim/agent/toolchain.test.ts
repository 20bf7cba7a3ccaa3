import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askHost } from "../../../../shim/agent/toolchain/ask-host.ts";
import { compareToolchains, type Toolchain, type Verdict } from "../../../../shim/agent/toolchain/compare.ts";
import { declaredToolchains, TOOLCHAIN_LABEL } from "../../../../shim/agent/toolchain/declared.ts";
import { checkParity, probeToolchain, type Ask } from "../../../../shim/agent/toolchain/probe.ts";
import { compilerFamily, reproducibleArguments } from "../../../../shim/agent/toolchain/reproducible.ts";
import { makeScratchDirectory } from "../../../support/temp-directory.ts";

/** A compiler that answers as it is written here. */
function compiler(answers: Readonly<Record<string, string>>, stream: "stdout" | "stderr" = "stdout"): Ask {
  return ([, ...args]) => {
    const text = answers[args.join(" ")];
    if (text === undefined) return Promise.resolve(undefined);
    return Promise.resolve({ stdout: "", stderr: "", [stream]: text });
  };
}

function gcc(version: string): Ask {
  return compiler({
    "--version": `gcc (Debian ${version}-1) ${version}\nCopyright`,
    "-dumpmachine": "x86_64-linux-gnu\n",
    "-dumpfullversion -dumpversion": `${version}\n`,
  });
}

describe("probeToolchain", () => {
  const MSVC: Readonly<Record<string, string>> = {
    English: "Microsoft (R) C/C++ Optimizing Compiler Version 19.38.33135 for x64\r\n",
    German: "Microsoft (R) C/C++-Optimierungscompiler Version 19.38.33135 für x64\r\n",
    Japanese: "Microsoft(R) C/C++ Optimizing Compiler Version 19.38.33135 (x64)\r\n",
  };
  for (const [language, banner] of Object.entries(MSVC)) {
    it(`reads the ${language} banner of cl`, async () => {
      assert.deepEqual(await probeToolchain("C:\\VC\\cl.exe", compiler({ "": banner }, "stderr")), {
        family: "msvc",
        vendor: "",
        version: "19.38.33135",
        target: "x64",
      });
    });
  }

  it("tells gcc, clang and Apple's clang apart", async () => {
    assert.equal((await probeToolchain("gcc", gcc("13.2.0")))?.version, "13.2.0");
    const clang = (first: string): Ask =>
      compiler({ "--version": `${first}\nTarget: x`, "-dumpmachine": "x86_64-pc-linux-gnu" });
    assert.equal((await probeToolchain("clang", clang("clang version 17.0.6")))?.family, "clang");
    assert.equal((await probeToolchain("cc", clang("Apple clang version 15.0.0")))?.vendor, "Apple");
  });

  it("asks the compiler of this machine", async function () {
    const found = await probeToolchain("gcc", askHost);
    if (found === undefined) this.skip();
    assert.match(found.version, /^\d+\.\d+\.\d+$/);
  });

  it("gives up on a compiler that hangs, and on one that is not there", async function () {
    this.timeout(15_000);
    const program = join(await makeScratchDirectory("cc-"), "gcc");
    writeFileSync(program, "#!/bin/sh\nexec sleep 1000\n");
    chmodSync(program, 0o755);
    assert.equal(await askHost([program, "--version"]), undefined);
    assert.equal(await probeToolchain("no-such-gcc", askHost), undefined);
  });
});

describe("compareToolchains", () => {
  const HOST: Toolchain = { family: "gcc", vendor: "Debian", version: "13.2.0", target: "x86_64-linux-gnu" };
  const CASES: readonly (readonly [Partial<Toolchain> | undefined, Verdict])[] = [
    [{}, "match"],
    [{ target: "x86_64-pc-linux-gnu" }, "match"],
    [{ version: "13.2.1" }, "patch-skew"],
    [{ version: "13.3.0" }, "minor-skew"],
    [{ version: "12.2.0" }, "major-skew"],
    [{ vendor: "Ubuntu" }, "family-mismatch"],
    [{ family: "clang" }, "family-mismatch"],
    [{ target: "aarch64-linux-gnu" }, "family-mismatch"],
    [undefined, "unknown"],
  ];
  for (const [changes, verdict] of CASES) {
    it(`says ${verdict} for ${JSON.stringify(changes ?? "no answer")}`, () => {
      const image = changes === undefined ? undefined : { ...HOST, ...changes };
      assert.equal(compareToolchains(HOST, image).verdict, verdict);
    });
  }

  it("compares the fourth part of Microsoft's versions only where both have it", () => {
    const msvc = (version: string): Toolchain => ({ family: "msvc", vendor: "", version, target: "x64" });
    assert.equal(compareToolchains(msvc("19.38.33135"), msvc("19.38.33135.1")).verdict, "match");
    assert.equal(compareToolchains(msvc("19.38.33135.0"), msvc("19.38.33135.1")).verdict, "patch-skew");
  });
});

describe("checkParity", () => {
  const differing = { host: gcc("13.2.0"), container: gcc("13.2.1") };

  it("does nothing, tells or refuses, as the policy says", async () => {
    assert.equal(await checkParity("gcc", { ...differing, policy: "off" }), undefined);
    assert.equal((await checkParity("gcc", { ...differing, policy: "warn" }))?.verdict, "patch-skew");
    await assert.rejects(
      checkParity("gcc", { ...differing, policy: "refuse" }),
      /compilers differ: host has .*13\.2\.0.* image has .*13\.2\.1.*patch-skew/,
    );
    const same = { host: gcc("13.2.0"), container: gcc("13.2.0") };
    assert.equal((await checkParity("gcc", { ...same, policy: "refuse" }))?.verdict, "match");
  });
});

describe("checkParity with an image that says what compiler it has", () => {
  const labelled = (...toolchains: readonly Partial<Toolchain>[]): Record<string, string> => ({
    [TOOLCHAIN_LABEL]: JSON.stringify(
      toolchains.map((toolchain) => ({
        family: "gcc",
        vendor: "Debian",
        target: "x86_64-linux-gnu",
        ...toolchain,
      })),
    ),
  });
  const none: Ask = () => Promise.resolve(undefined);

  it("takes the label's word where the compiler says nothing", async () => {
    const declared = declaredToolchains(labelled({ version: "13.2.0" }));
    const asked = { host: gcc("13.2.0"), container: none, policy: "refuse" } as const;
    assert.equal((await checkParity("gcc", { ...asked, declared }))?.verdict, "match");
    await assert.rejects(checkParity("gcc", asked), /image has no compiler that says what it is: unknown/);
  });

  it("believes the compiler rather, and tells of the label", async () => {
    const declared = declaredToolchains(labelled({ version: "12.1.0" }, { family: "clang", version: "9" }));
    const both = { host: gcc("13.2.0"), container: gcc("13.2.0"), policy: "refuse" } as const;
    const comparison = await checkParity("gcc", { ...both, declared });
    assert.equal(comparison?.verdict, "match");
    assert.match(
      comparison?.mislabelled ?? "",
      /image has Debian gcc 13\.2\.0 .* label says it has Debian gcc 12\.1\.0/,
    );
  });

  for (const [text, error] of [
    ["{", /cannot read image label .*JSON/],
    ["{}", /it is no list/],
    ['[{"family":"tcc","version":"1","target":"x"}]', /\[0\]\.family must be one of gcc, clang/],
    ['[{"family":"gcc","version":"13 beta","target":"x"}]', /\[0\]\.version must be numbers/],
    ['[{"family":"gcc","version":"13"}]', /\[0\]\.target/],
  ] as const)
    it(`refuses the label ${text}`, () =>
      assert.throws(() => declaredToolchains({ [TOOLCHAIN_LABEL]: text }), error));
});

describe("reproducibleArguments", () => {
  const FAMILIES: readonly (readonly [string, string | undefined])[] = [
    ["gcc", "gnu"],
    ["/usr/bin/x86_64-linux-gnu-gcc-13", "gnu"],
    ["clang++", "gnu"],
    ["C:\\VC\\bin\\CL.EXE", "msvc"],
    ["clang-cl.exe", "clang-cl"],
    ["lld-link", "lld-link"],
    ["link.exe", "msvc-link"],
    ["rustc", undefined],
    ["gccgo-like", undefined],
  ];
  for (const [program, family] of FAMILIES)
    it(`knows ${program} as ${family ?? "no compiler"}`, () => assert.equal(compilerFamily(program), family));

  const CASES: readonly (readonly [readonly string[], readonly string[]])[] = [
    [
      ["gcc", "-c", "a.c"],
      ["gcc", "-ffile-prefix-map=/src=.", "-Werror=date-time", "-c", "a.c"],
    ],
    [
      ["gcc", "-Wno-date-time", "-c", "a.c"],
      ["gcc", "-ffile-prefix-map=/src=.", "-Wno-date-time", "-c", "a.c"],
    ],
    [
      ["gcc", "-ffile-prefix-map=/src=.", "-Werror=date-time", "-c", "a.c"],
      ["gcc", "-ffile-prefix-map=/src=.", "-Werror=date-time", "-c", "a.c"],
    ],
    [
      ["cl", "/c", "a.c"],
      ["cl", "/d1trimfile:/src/", "/PDBSourcePath:/src", "/Brepro", "/c", "a.c"],
    ],
    [
      ["ls", "-l"],
      ["ls", "-l"],
    ],
  ];
  for (const [given, wanted] of CASES)
    it(`makes ${wanted.join(" ")}`, () => assert.deepEqual(reproducibleArguments(given).argv, wanted));

  it("leaves out what a compiler was found not to know", () => {
    const { injected } = reproducibleArguments(["cl", "a.c"], ["/PDBSourcePath:/src"]);
    assert.deepEqual(injected, ["/d1trimfile:/src/", "/Brepro"]);
  });
});
