import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuestError } from "../../../../../../../hcs/emulator/guest/errors.ts";
import { mappedPipes } from "../../../../../../../hcs/emulator/guest/windows/pipes/mapped.ts";
import { sharedPipePath } from "../../../../../../../hcs/emulator/windows/pipes.ts";

describe("mappedPipes", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "mapped-"));
    mkdirSync(join(directory, "docker%5cengine"));
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const GIVEN = sharedPipePath("Docker\\Engine");

  it("takes a pipe under several names", () => {
    const pipes = mappedPipes(
      [
        { ContainerPipeName: "a", HostPath: GIVEN },
        { ContainerPipeName: "inner\\b", HostPath: GIVEN },
      ],
      directory,
    );
    assert.deepEqual(
      pipes.map(({ name, host }) => [name, host.isServed]),
      [
        ["a", false],
        ["inner\\b", false],
      ],
    );
  });

  for (const [what, pipes, message] of [
    [
      "a name with control characters",
      [{ ContainerPipeName: "a\nb", HostPath: GIVEN }],
      /MappedPipes\/0\/ContainerPipeName "a\nb" must have no control characters/,
    ],
    [
      "two pipes of one name",
      [
        { ContainerPipeName: "a", HostPath: GIVEN },
        { ContainerPipeName: "A", HostPath: GIVEN },
      ],
      /MappedPipes\/1\/ContainerPipeName "A" is that of another pipe, too/,
    ],
    [
      "a pipe that the VM was not given",
      [{ ContainerPipeName: "a", HostPath: sharedPipePath("other") }],
      /MappedPipes\/0\/HostPath ".*other" is no pipe that was mapped into the VM before/,
    ],
    [
      "a pipe of the VM itself",
      [{ ContainerPipeName: "a", HostPath: "\\\\.\\pipe\\pod\\x" }],
      /a pipe of the VM itself, and the emulated one serves none: map a pipe of the host/,
    ],
  ] as const)
    it(`refuses ${what}`, () => {
      assert.throws(
        () => mappedPipes(pipes, directory),
        (error) => error instanceof GuestError && message.test(error.message),
      );
    });
});
