import assert from "node:assert/strict";
import { Socket } from "node:net";
import { dialStdio, requestedPorts } from "../../../../../hcs/emulator/guest/stdio-ports.ts";

describe("requestedPorts", () => {
  it("lists the streams asked for in the order of dialling", () => {
    const parameters = { CreateStdErrPipe: true, CreateStdInPipe: true, CreateStdOutPipe: false };
    const ports = requestedPorts(parameters, { StdErr: 3, StdOut: 2, StdIn: 1 });
    assert.deepEqual(
      [...ports],
      [
        ["stdin", 1],
        ["stderr", 3],
      ],
    );
  });

  it("gives a stream without a port port 0", () => {
    assert.deepEqual([...requestedPorts({ CreateStdOutPipe: true }, undefined)], [["stdout", 0]]);
  });
});

describe("dialStdio", () => {
  it("dials one after the other", async () => {
    const log: string[] = [];
    const dial = async (port: number): Promise<Socket> => {
      log.push(`dial ${port}`);
      await new Promise((resolve) => setImmediate(resolve));
      log.push(`connected ${port}`);
      return new Socket();
    };
    const connections = await dialStdio(
      dial,
      new Map([
        ["stdin", 1],
        ["stdout", 2],
      ]),
    );
    assert.deepEqual(Object.keys(connections), ["stdin", "stdout"]);
    assert.deepEqual(log, ["dial 1", "connected 1", "dial 2", "connected 2"]);
  });

  it("closes what it had when one fails", async () => {
    const first = new Socket();
    const dial = async (port: number): Promise<Socket> => {
      if (port === 1) return first;
      throw new Error("refused");
    };
    const ports = new Map([
      ["stdin", 1],
      ["stderr", 2],
    ] as const);
    await assert.rejects(dialStdio(dial, ports), /cannot connect stderr to port 2/);
    assert.ok(first.destroyed);
  });
});
