import assert from "node:assert/strict";
import { loggerArguments, parseStdioUri, UnsafePathError, windowsPath } from "../../../../shim/io/uri.ts";

describe("parseStdioUri", () => {
  const cases: [value: string, scheme: string, authority: string, path: string][] = [
    ["", "", "", ""],
    ["/run/containerd/fifo/1/web-stdout", "", "", "/run/containerd/fifo/1/web-stdout"],
    ["\\\\.\\pipe\\ctr-web-stdout", "", "", "\\\\.\\pipe\\ctr-web-stdout"],
    ["C:\\x\\y", "", "", "C:\\x\\y"],
    ["/odd:name?with#marks%zz", "", "", "/odd:name?with#marks%zz"],
    ["fifo:///run/x", "fifo", "", "/run/x"],
    ["BINARY:///usr/bin/logger", "binary", "", "/usr/bin/logger"],
    ["binary-v2:///usr/bin/logger?a=b", "binary-v2", "", "/usr/bin/logger"],
    ["file:///var/log/a%20b.log", "file", "", "/var/log/a b.log"],
    ["file://host/x", "file", "host", "/x"],
    ["binary:///C:/Program%20Files/l.exe", "binary", "", "/C:/Program Files/l.exe"],
    ["binary:////server/share/x", "binary", "", "//server/share/x"],
    ["binary:///\\server\\share\\x", "binary", "", "/\\server\\share\\x"],
    ["npipe:////./pipe/x", "npipe", "", "//./pipe/x"],
    ["scheme://", "scheme", "", ""],
    ["ttrpc+unix:///run/s.sock?streaming_id=web-stdout", "ttrpc+unix", "", "/run/s.sock"],
  ];
  for (const [value, scheme, authority, path] of cases) {
    it(`splits "${value}"`, () => {
      const uri = parseStdioUri(value);
      assert.deepEqual({ ...uri, query: [] }, { scheme, authority, path, query: [] });
    });
  }

  it("decodes the query, in the order written", () => {
    assert.deepEqual(parseStdioUri("binary:///x?b=2%203&a=p+q&flag&=v&b=4&c=1=2").query, [
      ["b", "2 3"],
      ["a", "p q"],
      ["flag", ""],
      ["", "v"],
      ["b", "4"],
      ["c", "1=2"],
    ]);
  });

  it("refuses an escape that cannot be decoded", () => {
    assert.throws(() => parseStdioUri("file:///a%zz"), URIError);
  });
});

describe("loggerArguments", () => {
  const cases: [query: string, args: string[]][] = [
    ["", []],
    ["?-key=value", ["-key", "value"]],
    ["?foo&bar&baz", ["foo", "bar", "baz"]],
    ["?z=1&a=2&z=3", ["z", "1", "a", "2"]],
    ["?--path=/var/log&--quiet=", ["--path", "/var/log", "--quiet"]],
  ];
  for (const [query, args] of cases) {
    it(`gives ${JSON.stringify(args)} for "${query}"`, () => {
      assert.deepEqual(loggerArguments(parseStdioUri(`binary:///executable${query}`).query), args);
    });
  }
});

describe("windowsPath", () => {
  const paths: [path: string, expected: string][] = [
    ["/executable", "\\executable"],
    ["/../path/to///to/../executable", "\\path\\to\\executable"],
    ["/..\\path\\to\\\\\\to\\..\\executable", "\\path\\to\\executable"],
    ["/D:/path/to/executable", "D:\\path\\to\\executable"],
    ["/D:\\path\\to\\executable", "D:\\path\\to\\executable"],
    ["/C:/x/../y", "C:\\y"],
  ];
  for (const [path, expected] of paths) {
    it(`turns "${path}" into "${expected}"`, () => assert.equal(windowsPath(path), expected));
  }

  for (const path of ["/\\server\\share\\x", "//server/share/x", "//./pipe/x"]) {
    it(`refuses "${path}"`, () => assert.throws(() => windowsPath(path), UnsafePathError));
  }
});
