import assert from "node:assert/strict";
import fc from "fast-check";
import { loggerArguments, parseStdioUri, windowsPath } from "../../../../shim/io/uri.ts";

const word = fc.string({ minLength: 1, unit: "grapheme" });

describe("parseStdioUri", () => {
  it("gives back path and arguments of a URI that was put together by the rules", () =>
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1 }),
        fc.uniqueArray(fc.tuple(word, fc.string({ unit: "grapheme" })), { selector: ([key]) => key }),
        (segments, query) => {
          const path = segments.map((segment) => `/${encodeURIComponent(segment)}`).join("");
          const pairs = query.map(
            ([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`,
          );
          const uri = parseStdioUri(`binary://${path}?${pairs.join("&")}`);
          assert.equal(uri.path, segments.map((segment) => `/${segment}`).join(""));
          assert.deepEqual(uri.query, query);
          assert.deepEqual(
            loggerArguments(uri.query),
            query.flatMap(([key, value]) => (value === "" ? [key] : [key, value])),
          );
        },
      ),
    ));

  it("takes any text, or refuses it as a malformed URI", () =>
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `binary://${text}`),
        ),
        (text) => {
          try {
            parseStdioUri(text);
          } catch (error) {
            assert.ok(error instanceof URIError);
          }
        },
      ),
    ));

  it("never leaves a FIFO's path changed", () =>
    fc.assert(
      fc.property(fc.string(), (text) => {
        assert.equal(parseStdioUri(`/${text}`).path, `/${text}`);
      }),
    ));
});

describe("windowsPath", () => {
  it("never names a share or a device", () =>
    fc.assert(
      fc.property(fc.array(fc.constantFrom("/", "\\", "..", ".", "C:", "server", "share")), (parts) => {
        let path: string;
        try {
          path = windowsPath(parts.join(""));
        } catch {
          return;
        }
        assert.ok(!/^[\\/]{2}/.test(path), path);
      }),
    ));
});
