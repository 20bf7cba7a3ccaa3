import assert from "node:assert/strict";
import { createPolicy, withPolicy, type PolicyOptions } from "../../../../oci/policy/policy.ts";
import { PROFILES } from "../../../../oci/policy/profiles.ts";
import { parseRule, type ArgumentCondition } from "../../../../oci/policy/rules.ts";

const ids = {
  user: (name: string) => ({ root: 0, _apt: 42 })[name],
  group: (name: string) => ({ nogroup: 65534 })[name],
};

function unconditional(names: readonly string[], options: PolicyOptions = {}): Set<string> {
  const { seccomp } = createPolicy(names, { architecture: "x64", ...options });
  return new Set(
    seccomp.syscalls
      .filter(({ action, args }) => action === "SCMP_ACT_ALLOW" && args === undefined)
      .flatMap((entry) => entry.names),
  );
}

describe("createPolicy", () => {
  const cases: [profile: string, allowed: string[], denied: string[]][] = [
    [
      "minimal",
      ["fork", "socket", "connect", "msgget", "read", "writev"],
      ["mkdir", "bind", "listen", "mount", "setuid"],
    ],
    ["build", ["mkdir", "unlinkat", "chown", "pwritev2"], ["bind", "accept4", "ptrace"]],
    ["network", ["bind", "accept4"], ["mkdir", "renameat2"]],
    ["file-control", ["mkdir"], ["bind"]],
    ["network-bind", ["bind"], ["mkdir"]],
    ["process-control", ["pwrite64"], ["mkdir", "bind"]],
    ["package-management", ["bind"], ["mkdir"]],
    ["custom", ["execve", "fstatfs"], ["fork", "socket", "mkdir"]],
  ];
  for (const [profile, allowed, denied] of cases) {
    it(`allows ${profile} what it is for and nothing else`, () => {
      const names = unconditional([profile]);
      for (const name of allowed) assert.ok(names.has(name), `${name} is allowed`);
      for (const name of denied) assert.ok(!names.has(name), `${name} is not allowed`);
    });
  }

  it("has a case for every profile", () => {
    assert.deepEqual(cases.map(([name]) => name).sort(), PROFILES.map(({ name }) => name).sort());
  });

  it("is the union of several profiles", () => {
    const names = unconditional(["minimal", "build", "network"]);
    for (const name of ["mkdir", "bind"]) assert.ok(names.has(name), name);
  });

  it("leaves out what compat adds when that is off", () => {
    assert.ok(!unconditional(["minimal"], { compat: false }).has("writev"));
    assert.ok(unconditional(["minimal"]).has("writev"));
  });

  it("allows threads alone with noSpawn, and sends clone3 back to clone", () => {
    const { seccomp } = createPolicy(["minimal"], { noSpawn: true, architecture: "x64" });
    assert.ok(!unconditional(["minimal"], { noSpawn: true }).has("clone"));
    assert.deepEqual(seccomp.syscalls.find(({ names }) => names.includes("clone"))?.args, [
      { index: 0, value: 0x10000, valueTwo: 0x10000, op: "SCMP_CMP_MASKED_EQ" },
    ]);
    const refused = seccomp.syscalls.find(({ errnoRet }) => errnoRet === 38);
    assert.ok(refused?.names.includes("clone3"));
  });

  it("takes sockets away with noSockets", () => {
    assert.ok(!unconditional(["minimal"], { noSockets: true }).has("socket"));
  });

  it("denies by default with EPERM, and says that newer calls do not exist", () => {
    const { seccomp } = createPolicy(["minimal"], { architecture: "x64" });
    assert.equal(seccomp.defaultAction, "SCMP_ACT_ERRNO");
    assert.equal(seccomp.defaultErrnoRet, 1);
    const probed = seccomp.syscalls.find(({ action }) => action === "SCMP_ACT_ERRNO");
    assert.equal(probed?.errnoRet, 38);
    assert.ok(probed?.names.includes("openat2"));
  });

  it("only logs in logging mode, loudly, and refuses nothing", () => {
    const { seccomp, warnings } = createPolicy(["minimal"], { log: true, architecture: "x64" });
    assert.equal(seccomp.defaultAction, "SCMP_ACT_LOG");
    assert.ok(seccomp.syscalls.every(({ action }) => action === "SCMP_ACT_ALLOW"));
    assert.match(warnings.join(), /not enforced/);
  });

  it("lets root become root alone, in each way to say so", () => {
    const { seccomp } = createPolicy(["minimal"], { architecture: "x64" });
    const rules = seccomp.syscalls.filter(({ names }) => names.includes("setresuid"));
    assert.deepEqual(
      rules.map(({ args = [] }) => args.map(({ valueTwo }) => valueTwo)),
      [
        [0, 0, 0],
        [0xffff_ffff, 0, 0xffff_ffff],
        [0xffff_ffff, 0xffff_ffff, 0],
      ],
    );
  });

  it("knows apt's user by the image's files, and warns without", () => {
    const known = createPolicy(["package-management"], { ids, architecture: "x64" });
    assert.ok(known.seccomp.syscalls.some(({ args = [] }) => args.some(({ valueTwo }) => valueTwo === 42)));
    assert.deepEqual(known.warnings, []);
    const unknown = createPolicy(["package-management"], { architecture: "x64" });
    assert.equal(unknown.warnings.length, 2);
  });

  it("adds calls, denies calls, and never has a condition for what is allowed anyway", () => {
    const { seccomp } = createPolicy(["minimal"], {
      addSyscalls: ["mkdir", "!ptrace", "!kill", "read 0", "ioctl - 21505", "socket 1"],
      noSockets: true,
      architecture: "x64",
    });
    const names = unconditional(["minimal"], { addSyscalls: ["mkdir", "!kill"] });
    assert.ok(names.has("mkdir"));
    assert.ok(!names.has("kill"));
    assert.ok(
      !seccomp.syscalls.some(({ names: calls, args }) => args !== undefined && calls.includes("read")),
    );
    assert.ok(
      seccomp.syscalls.some(({ names: calls, args }) => args !== undefined && calls.includes("socket")),
    );
  });

  const refusals: [what: string, run: () => unknown, message: RegExp][] = [
    ["an unknown profile", () => createPolicy(["minimum"]), /did you mean "minimal"/],
    ["no profile at all", () => createPolicy([]), /must name a profile: minimal, build/],
    [
      "a relative path",
      () => createPolicy(["custom"], { addPaths: [{ path: "x", access: "R" }] }),
      /absolute path/,
    ],
    [
      "a path that climbs",
      () => createPolicy(["custom"], { addPaths: [{ path: "/a/../b", access: "R" }] }),
      /\.\./,
    ],
    [
      "an access that is none",
      () => createPolicy(["custom"], { addPaths: [{ path: "/a", access: "Q" }] }),
      /R, W and X/,
    ],
    ["an unknown architecture", () => createPolicy(["minimal"], { architecture: "mips" }), /x64, arm64/],
    [
      "more rules than a filter holds",
      () =>
        createPolicy(["custom"], {
          addSyscalls: Array.from({ length: 1100 }, (_, index) => `prctl ${index} 1`).map((rule) =>
            rule.replace("prctl", "keyctl"),
          ),
        }),
      /more than 1024/,
    ],
  ];
  for (const [what, run, message] of refusals) {
    it(`refuses ${what}`, () => assert.throws(run, message));
  }
});

describe("parseRule", () => {
  const conditions: [text: string, condition: Omit<ArgumentCondition, "index">][] = [
    ["5", { value: 5, op: "SCMP_CMP_EQ" }],
    ["!5", { value: 5, op: "SCMP_CMP_NE" }],
    [">5", { value: 5, op: "SCMP_CMP_GT" }],
    [">=5", { value: 5, op: "SCMP_CMP_GE" }],
    ["<5", { value: 5, op: "SCMP_CMP_LT" }],
    ["<=5", { value: 5, op: "SCMP_CMP_LE" }],
    ["|6", { value: 6, valueTwo: 6, op: "SCMP_CMP_MASKED_EQ" }],
    ["2|6", { value: 6, valueTwo: 2, op: "SCMP_CMP_MASKED_EQ" }],
    ["u:_apt", { value: 42, op: "SCMP_CMP_EQ" }],
    ["g:nogroup", { value: 65534, op: "SCMP_CMP_EQ" }],
  ];
  for (const [text, condition] of conditions) {
    it(`reads the argument ${text}`, () => {
      assert.deepEqual(parseRule(`call - ${text}`, ids), {
        name: "call",
        deny: false,
        args: [{ index: 1, ...condition }],
      });
    });
  }

  it("leaves out a rule about somebody the image does not know", () => {
    assert.equal(parseRule("setuid u:nobody", ids), undefined);
  });

  const refused: [text: string, message: RegExp][] = [
    ["", /must begin with the name/],
    ["Mk-dir", /must begin with the name/],
    ["call x", /must not have the argument "x"/],
    ["call -5", /must not have the argument/],
    ["call 1 2 3 4 5 6", /at most 5/],
    ["!call 1", /must not deny under a condition/],
  ];
  for (const [text, message] of refused) {
    it(`refuses "${text}"`, () => assert.throws(() => parseRule(text, ids), message));
  }
});

describe("withPolicy", () => {
  const policy = createPolicy(["minimal"], { architecture: "x64" });
  const document = { process: { args: ["x"] }, linux: { namespaces: [] } };

  it("puts the filter into the spec, takes new privileges away, and says which policy it is", () => {
    const spec = withPolicy(document, policy) as Record<string, Record<string, unknown>>;
    assert.equal(spec["linux"]?.["seccomp"], policy.seccomp);
    assert.deepEqual(spec["process"], { args: ["x"], noNewPrivileges: true });
    assert.deepEqual(spec["annotations"], { "runhcs.client/policy": "minimal" });
  });

  it("refuses Windows, a second filter, and privileged containers", () => {
    assert.throws(() => withPolicy({ windows: {} }, policy), /Windows container/);
    assert.throws(() => withPolicy({ linux: { seccomp: {} } }, policy), /cannot be combined/);
    assert.throws(() => withPolicy(document, policy, true), /privileged/);
  });
});
