import assert from "node:assert/strict";
import {
  parsePipePath,
  parseSharedPipePath,
  pipeFileName,
  pipeNameProblem,
  sharedPipePath,
} from "../../../../../hcs/emulator/windows/pipes.ts";

describe("parsePipePath", () => {
  it("takes the prefix in any letter case, and the name as it is", () => {
    assert.equal(parsePipePath("\\\\.\\PIPE\\Docker\\Engine"), "Docker\\Engine");
    assert.equal(parsePipePath("C:\\pipe\\x"), undefined);
  });
});

describe("pipeFileName", () => {
  for (const [name, file] of [
    ["Engine", "engine"],
    ["docker\\engine", "docker%5cengine"],
    ["a/b", "a%2fb"],
    ["100%", "100%25"],
    [".hidden", "%2ehidden"],
    ["..", "%2e."],
    ["a.b", "a.b"],
  ] as const)
    it(`is "${file}" for "${name}"`, () => assert.equal(pipeFileName(name), file));
});

describe("pipeNameProblem", () => {
  for (const [name, problem] of [
    ["x".repeat(247), undefined],
    ["x".repeat(248), /at most 247 characters/],
    ["ä".repeat(128), /at most 255 bytes as the file name/],
    ["", /must not be empty/],
    ["a\0", /control characters/],
  ] as const)
    it(`of ${JSON.stringify(name.slice(0, 3))} with ${name.length} characters`, () => {
      const found = pipeNameProblem(name);
      if (problem === undefined) assert.equal(found, undefined);
      else assert.match(found ?? "", problem);
    });
});

describe("sharedPipePath", () => {
  it("is read back by parseSharedPipePath", () => {
    assert.equal(parseSharedPipePath(sharedPipePath("docker\\engine")), "docker\\engine");
    assert.equal(parseSharedPipePath("\\\\.\\pipe\\x"), undefined);
  });
});
