/**
 * What can be said of `install.ps1` where there is no PowerShell: that its text is whole, that everything it calls exists, and that each
 * name and path in it is the one that the package, the programs and the documents have. That it runs, only Windows shows.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { parseAllDocuments } from "yaml";

const ROOT = join(import.meta.dirname, "../..");
const WINDOWS = join(ROOT, "dist/win32-x64");
const script = readFileSync(join(WINDOWS, "install.ps1"), "utf8");
const document = readFileSync(join(ROOT, "docs/packaging.md"), "utf8");

/** The text without comments, and with strings emptied but for the expressions in them. */
const code = script
  .replace(/<#[\s\S]*?#>/g, "")
  .replace(/'[^'\n]*'/g, "''")
  .replace(/"[^"\n]*"/g, (text) => `"${(text.match(/\$\((?:[^()]|\([^()]*\))*\)/g) ?? []).join("")}"`)
  .replace(/#.*$/gm, "");

/** Commands of Windows PowerShell 5.1 that it may call. */
const CMDLETS: ReadonlySet<string> = new Set([
  "Copy-Item",
  "ForEach-Object",
  "Get-Content",
  "Get-FileHash",
  "Get-Process",
  "Get-Service",
  "Join-Path",
  "New-Item",
  "Out-Null",
  "Remove-Item",
  "Set-StrictMode",
  "Split-Path",
  "Test-Path",
  "Where-Object",
  "Write-Output",
  "Write-Warning",
]);

/** What a line `$Name = 'value'` or a parameter's default gives. */
function valueOf(variable: string): string {
  const line = new RegExp(`\\$${variable} = (.*?),?$`, "m").exec(script)?.[1] ?? "";
  const parts = /^\(Join-Path \$env:(\w+) '(.*)'\)$/.exec(line);
  return parts === null ? line.replaceAll("'", "") : `%${parts[1]}%\\${parts[2]}`;
}

interface RuntimeClass {
  readonly handler: string;
  readonly scheduling: { readonly nodeSelector: Readonly<Record<string, string>> };
}

describe("install.ps1", () => {
  it("closes every bracket that it opens", () => {
    const pairs: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };
    const open: string[] = [];
    for (const [index, sign] of [...code].entries()) {
      if ("([{".includes(sign)) open.push(sign);
      else if (sign in pairs) assert.equal(open.pop(), pairs[sign], `at ${code.slice(index - 40, index)}`);
    }
    assert.deepEqual(open, []);
  });

  it("calls functions of its own, and commands that Windows PowerShell has", () => {
    const own = new Set([...code.matchAll(/^function ([\w-]+)/gm)].map(([, name]) => name));
    const called = new Set(
      [...code.matchAll(/(?<![\w$.-])[A-Z][A-Za-z]+-[A-Z]\w+/g)]
        .map(([name]) => name)
        .filter((name) => !own.has(name)),
    );
    assert.deepEqual([...called].sort(), [...CMDLETS].sort());
    for (const name of own) assert.ok(code.split(name ?? "").length > 2, `nobody calls ${name}`);
  });

  it("reads variables that it has set", () => {
    const set = new Set(
      [...code.matchAll(/\$(\w+)(?:, \$(\w+))?(?= = |,\n|\n\))|foreach \(\$(\w+)|\[\w+\] \$(\w+)/g)].flatMap(
        ([, ...names]) => names.filter((name) => name !== undefined).map((name) => name.toLowerCase()),
      ),
    );
    const given = ["_", "matches", "psscriptroot", "pscmdlet", "env"];
    const read = [...code.matchAll(/\$(\w+)/g)].map(([, name = ""]) => name.toLowerCase());
    for (const name of read) assert.ok(set.has(name) || given.includes(name), `$${name}`);
  });

  it("names files that the package has", () => {
    const files = readdirSync(WINDOWS, { recursive: true, encoding: "utf8" });
    const named = script.match(/windows-v\d\.toml|kubernetes\\[\w-]+\.yaml|SHA256SUMS|[\w-]+\.exe/g) ?? [];
    assert.ok(named.length > 4);
    for (const file of named)
      assert.ok(
        files.some((path) => path.endsWith(file.replaceAll("\\", "/"))),
        file,
      );
  });

  it("installs where the documents say", () => {
    assert.equal(valueOf("Destination"), "%ProgramFiles%\\containerd-shim-runhcs");
    assert.ok(document.includes(`\`${valueOf("Destination")}\``));
    // Where containerd's own installation has it (docs/getting-started.md of containerd).
    assert.equal(valueOf("ContainerdConfig"), "%ProgramFiles%\\containerd\\config.toml");
    const options = readFileSync(join(ROOT, "shim/options/table.ts"), "utf8");
    const state = /name: "state_directory",[\s\S]*?win32" \? "C:\\\\ProgramData\\\\(.*?)"/.exec(options)?.[1];
    assert.ok(script.includes(`%ProgramData%\\${state?.replaceAll("\\\\", "\\")}.`), state);
  });

  it("adds the handlers that it and the documents name, for the executable that it copies", () => {
    for (const template of ["windows-v2.toml", "windows-v3.toml"]) {
      const text = readFileSync(join(WINDOWS, "containerd", template), "utf8");
      const shim = `C:\\Program Files\\containerd-shim-runhcs\\${valueOf("ShimName")}`;
      const { plugins } = parse(text.replaceAll("@SHIM@", shim.replaceAll("\\", "\\\\"))) as unknown as {
        readonly plugins: Readonly<
          Record<string, { containerd: { runtimes: Record<string, { runtime_path: string }> } }>
        >;
      };
      for (const [handler, { runtime_path: path }] of Object.values(plugins).flatMap((plugin) =>
        Object.entries(plugin.containerd.runtimes),
      )) {
        assert.equal(path, shim);
        assert.match(script, new RegExp(`\\b${handler}\\b`));
        assert.ok(document.includes(`\`${handler}\``), handler);
      }
    }
  });

  it("takes away exactly what it adds to the configuration", () => {
    const [begin, end] = [valueOf("BlockBegin"), valueOf("BlockEnd")];
    const pattern =
      /\$block = '(.*?)' \+ \[regex\]::Escape\(\$BlockBegin\) \+ '(.*?)' \+ .*?\$BlockEnd\) \+ '(.*?)'/;
    const [, flags = "", middle = "", tail = ""] = pattern.exec(script) ?? [];
    assert.equal(flags, "(?ms)^");
    const quote = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const block = new RegExp(`^${quote(begin)}${middle}${quote(end)}${tail}`, "gms");
    const before = 'version = 2\n[plugins."a"]\n  x = "@SHIM@"';
    const after = `${before}\n${begin}\nhandlers\n${end}\n`;
    assert.equal(after.replace(block, "").trimEnd(), before);
    assert.equal(`${after}[other]\n`.replace(block, ""), `${before}\n[other]\n`);
  });

  it("labels nodes as the RuntimeClasses select them", () => {
    const text = readFileSync(join(WINDOWS, "kubernetes/runtime-classes-windows.yaml"), "utf8");
    const wanted = parseAllDocuments(text)
      .map((item) => item.toJS() as RuntimeClass)
      .flatMap(({ scheduling }) => Object.entries(scheduling.nodeSelector))
      .filter(([label]) => label !== "kubernetes.io/os")
      .map(([label, value]) => `${label}=${value}`);
    const labels = new Set(script.match(/runhcs\.containerd\.io\/[\w-]+=\w+/g) ?? []);
    assert.deepEqual([...labels].sort(), [...new Set(wanted)].sort());
  });
});
