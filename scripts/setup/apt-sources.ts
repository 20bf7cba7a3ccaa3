/**
 * Reads a machine's apt sources to find the Debian mirror it uses. Two notations exist (sources.list(5)): one line per
 * source in `.list` files, stanzas of fields in `.sources` files.
 */

/** One source of packages. */
export interface AptSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** Key ring that signs it: a file's path. */
  readonly signedBy?: string;
}

/** The binary package sources of one `.list` file. */
export function parseOneLineSources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.replace(/#.*/, "").trim();
    const match =
      /^deb\s+(?:\[(?<options>[^\]]*)\]\s*)?(?<uri>\S+)\s+(?<suite>\S+)\s*(?<components>.*)$/.exec(line);
    if (match?.groups === undefined) continue;
    const { options = "", uri = "", suite = "", components = "" } = match.groups;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    sources.push({ uri, suites: [suite], components: words(components), ...keyRing(signedBy) });
  }
  return sources;
}

/** The binary package sources of one `.sources` file (deb822 notation). */
export function parseStanzaSources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const stanza of text.replaceAll(/^#.*\n?/gm, "").split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    let last = "";
    for (const line of stanza.split("\n")) {
      const field = /^(?<name>[A-Za-z][\w-]*):\s*(?<value>.*)$/.exec(line);
      if (field?.groups !== undefined) {
        last = (field.groups["name"] ?? "").toLowerCase();
        fields.set(last, field.groups["value"] ?? "");
      } else if (/^\s/.test(line)) {
        fields.set(last, `${fields.get(last) ?? ""} ${line.trim()}`);
      }
    }
    if (!words(fields.get("types") ?? "").includes("deb")) continue;
    if (/^(no|false|off|0)$/i.test(fields.get("enabled") ?? "yes")) continue;
    for (const uri of words(fields.get("uris") ?? "")) {
      sources.push({
        uri,
        suites: words(fields.get("suites") ?? ""),
        components: words(fields.get("components") ?? ""),
        ...keyRing(fields.get("signed-by")),
      });
    }
  }
  return sources;
}

/**
 * The source that holds a release's main archive (not its updates or security fixes), which is where the same mirror's
 * other suites are found.
 */
export function findMainArchive(sources: readonly AptSource[], codename: string): AptSource | undefined {
  return sources.find((source) => source.suites.includes(codename) && source.components.includes("main"));
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** Only a file can be named in a source of our own; a key given in line (deb822) belongs to its stanza. */
function keyRing(signedBy: string | undefined): { signedBy?: string } {
  const path = signedBy?.trim();
  return path !== undefined && path.startsWith("/") ? { signedBy: path } : {};
}
