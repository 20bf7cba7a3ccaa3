/** A process of its own that serves the probe on the listening socket it inherited as descriptor 3, while stdin is open. */
import { Server } from "../../../../shim/ttrpc/index.ts";
import { ECHO, Probe } from "./services.ts";

const server = new Server().register(Probe, ECHO);
await server.listen({ fd: 3 });
process.stdin.resume();
process.stdin.once("end", () => void server.shutdown(1000));
