import assert from "node:assert/strict";
import {
  findMainArchive,
  parseOneLineSources,
  parseStanzaSources,
} from "../../../../scripts/setup/apt-sources.ts";

describe("parseOneLineSources", () => {
  it("reads binary package sources and leaves out comments and source packages", () => {
    const text = [
      "# a comment",
      "deb http://deb.debian.org/debian bookworm main contrib # trailing",
      "deb-src http://deb.debian.org/debian bookworm main",
      "  deb   http://security.debian.org/debian-security   bookworm-security   main",
      "",
    ].join("\n");
    assert.deepEqual(parseOneLineSources(text), [
      { uri: "http://deb.debian.org/debian", suites: ["bookworm"], components: ["main", "contrib"] },
      {
        uri: "http://security.debian.org/debian-security",
        suites: ["bookworm-security"],
        components: ["main"],
      },
    ]);
  });

  it("reads the key ring among other options", () => {
    const text =
      "deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg trusted=no] https://mirror/debian trixie main";
    assert.equal(parseOneLineSources(text)[0]?.signedBy, "/usr/share/keyrings/x.gpg");
  });

  it("reads a flat source, which has no components", () => {
    assert.deepEqual(parseOneLineSources("deb https://example.org/repo ./"), [
      { uri: "https://example.org/repo", suites: ["./"], components: [] },
    ]);
  });
});

describe("parseStanzaSources", () => {
  it("reads stanzas, with comments inside them and values on several lines", () => {
    const text = `Types: deb deb-src
# pinned to a snapshot
URIs: http://one/debian
  http://two/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb-src
URIs: http://three/debian
Suites: bookworm
Components: main
`;
    const common = {
      suites: ["bookworm", "bookworm-updates"],
      components: ["main"],
      signedBy: "/usr/share/keyrings/debian-archive-keyring.gpg",
    };
    assert.deepEqual(parseStanzaSources(text), [
      { uri: "http://one/debian", ...common },
      { uri: "http://two/debian", ...common },
    ]);
  });

  it("leaves out a source that is turned off", () => {
    const text = "Enabled: no\nTypes: deb\nURIs: http://one/debian\nSuites: sid\nComponents: main\n";
    assert.deepEqual(parseStanzaSources(text), []);
  });

  it("leaves out a key that is given in line", () => {
    const text =
      "Types: deb\nURIs: http://one\nSuites: sid\nComponents: main\nSigned-By:\n -----BEGIN PGP-----\n .\n abc\n";
    assert.deepEqual(parseStanzaSources(text), [
      { uri: "http://one", suites: ["sid"], components: ["main"] },
    ]);
  });
});

describe("findMainArchive", () => {
  const security = { uri: "http://security", suites: ["bookworm-security"], components: ["main"] };
  const main = { uri: "http://main", suites: ["bookworm", "bookworm-updates"], components: ["main"] };

  it("passes over security fixes and other people's archives", () => {
    const other = { uri: "http://other", suites: ["bookworm"], components: ["stable"] };
    assert.equal(findMainArchive([security, other, main], "bookworm"), main);
  });

  it("finds nothing where the release has no source", () => {
    assert.equal(findMainArchive([security], "bookworm"), undefined);
  });
});
