/** The serial port of a VM, from the host's side of its pipe. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { dirname, join } from "node:path";
import type { ComputeSystem } from "../../hcs/api.ts";
import type { HcsError } from "../../hcs/errors.ts";
import { HRESULT } from "../../hcs/hresult-table.ts";
import { until } from "../support/until.ts";
import { withBackend } from "./backend.ts";
import { emulatorFactory } from "./emulator-under-test.ts";
import { endSystem, hcsError } from "./under-test.ts";

withBackend("emulator: serial port", emulatorFactory, (under) => {
  let pipe: string;
  const clients: Socket[] = [];
  /** Not yet ended. */
  const systems = new Set<ComputeSystem>();

  beforeEach(() => {
    pipe = `${under().backend.traits.pipePrefix}com1`;
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    for (const system of systems) await end(system);
  });

  async function systemWithPort(path: string, shell = false): Promise<ComputeSystem> {
    const document = await under().document();
    const { Chipset, Devices, ...machine } = document.VirtualMachine!;
    const VirtualMachine = {
      ...machine,
      Chipset: {
        ...Chipset,
        LinuxKernelDirect: {
          ...Chipset!.LinuxKernelDirect!,
          KernelCmdLine: shell ? '-- -e 1 sh -c "/bin/gcs & exec sh"' : "-- -e 1 /bin/gcs",
        },
      },
      Devices: { ...Devices, ComPorts: { "0": { NamedPipe: path } } },
    };
    const { computeSystems } = under().backend;
    const system = await computeSystems.create(under().systemId(), { ...document, VirtualMachine });
    systems.add(system);
    return system;
  }

  async function end(system: ComputeSystem): Promise<void> {
    systems.delete(system);
    await endSystem(system);
  }

  function client(): { readonly socket: Socket; readonly said: () => string; readonly ended: () => boolean } {
    const socket = connect(pipe);
    clients.push(socket);
    let text = "";
    let over = false;
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("close", () => (over = true)).on("error", () => undefined);
    return { socket, said: () => text, ended: () => over };
  }

  it("tells what the VM says from its first line on, also who comes late, and ends with the VM", async () => {
    const system = await systemWithPort(pipe);
    await system.start();
    const first = client();
    await until("the agent's word", () => first.said().includes("guest agent started"));
    assert.match(first.said(), /^Linux \S+ \(the kernel of the emulator's host\)/);
    // Nobody listens at the ports that a guest dials: it says so where it can.
    assert.match(first.said(), /no entropy from the host/);
    await end(system);
    await until("the end of the pipe", () => first.ended());
    assert.ok(!existsSync(pipe));
    assert.ok(!existsSync(dirname(pipe)));
  });

  it("has the shell that the kernel command line ends with, on a terminal", async () => {
    const system = await systemWithPort(pipe, true);
    await system.start();
    const { socket, said } = client();
    socket.write("tty; echo $((6 * 7)) $$\n");
    // Its prompt may stand before an answer, or not yet.
    await until("the shell's answer", () => /^(# )?42 \d+\r$/m.test(said()));
    assert.match(said(), /^(# )?\/dev\/pts\/\d+\r$/m);
  });

  it("goes with a VM that is killed", async () => {
    const system = await systemWithPort(pipe);
    await system.start();
    process.kill(under().listing(system.id).worker.pid, "SIGKILL");
    await end(system);
    await until("the pipe to be gone", () => !existsSync(pipe));
  });

  it("refuses a pipe that is no path", async () => {
    await assert.rejects(
      systemWithPort("com1"),
      hcsError(
        (error) => (error as HcsError).hresult === HRESULT.invalidArgument,
        "/VirtualMachine/Devices/ComPorts/0/NamedPipe must be an absolute path",
      ),
    );
  });

  it("takes a pipe anywhere, and leaves everything beside it", async () => {
    pipe = join(under().directory, "port");
    const system = await systemWithPort(pipe);
    assert.ok(existsSync(pipe));
    await end(system);
    assert.ok(!existsSync(pipe));
    assert.ok(existsSync(under().directory));
  });
});
