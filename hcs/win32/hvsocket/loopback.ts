/**
 * A stand-in for Hyper-V sockets where there are none, as under Wine: TCP connections of the loopback interface. A directory maps addresses
 * to ports: whoever listens writes its port into the file `<VM id>/<service id>`. Containers that were registered are
 * files beside the VMs' directories. Nothing keeps other programs of the machine out, so this is for tests alone.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HvSocketAddress } from "../../api.ts";
import type { SocketFamily } from "./family.ts";

const AF_INET = 2;
const IPPROTO_TCP = 6;
const LOOPBACK = 0x7f00_0001;

/** Environment variable with the directory, for programs under Wine. */
export const LOOPBACK_DIRECTORY = "RUNHCS_HVSOCKET_LOOPBACK";

/** @param directory where the ports are written */
export function loopbackFamily(directory: string): SocketFamily {
  const fileOf = ({ vmId, serviceId }: HvSocketAddress): string => join(directory, vmId, serviceId);
  return {
    family: AF_INET,
    protocol: IPPROTO_TCP,
    options: [],
    listenAddress: () => socketAddress(0),
    listening(address, bound) {
      const file = fileOf(address);
      mkdirSync(join(directory, address.vmId), { recursive: true });
      writeFileSync(file, String(Buffer.from(bound).readUInt16BE(2)), { flag: "wx" });
      return () => rmSync(file, { force: true });
    },
    connectAddress(address) {
      try {
        return socketAddress(Number(readFileSync(fileOf(address), "utf8")));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    // Redirects nothing: containers listen where their VM does.
    registerContainer({ vmId, systemId }) {
      const file = join(directory, systemId);
      writeFileSync(file, vmId, { flag: "wx" });
      return () => rmSync(file, { force: true });
    },
  };
}

/** SOCKADDR_IN: family 0, then big-endian port 2 and address 4. */
function socketAddress(port: number): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.writeUInt32BE(LOOPBACK, 4);
  return bytes;
}
