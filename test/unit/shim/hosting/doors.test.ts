import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { isListening } from "../../../../shim/bootstrap/address.ts";
import { Doors, hangDoor, removeDeadDoors } from "../../../../shim/hosting/doors.ts";
import { makeScratchDirectory } from "../../../support/temp-directory.ts";
import { Task } from "../../../../protos/gen/task-v2.ts";
import { Client, Code, codeOf, Server as TtrpcServer } from "../../../../shim/ttrpc/index.ts";

describe("Doors", () => {
  let directory: string;
  let doors: Doors;
  const pod = (): string => join(directory, "s/pod");

  beforeEach(async () => {
    directory = await makeScratchDirectory("rhdoor");
    mkdirSync(join(directory, "k"));
    doors = new Doors(join(directory, "k/keeper"));
  });

  afterEach(() => doors.close());

  function served(path: string): Promise<Server> {
    const server = createServer();
    return new Promise((resolve) => server.listen(path, () => resolve(server)));
  }

  it("keeps what is said at a pod's address until the pod is served", async () => {
    const door = await doors.make();
    assert.equal(await hangDoor(door, pod()), "hung");
    const client = new Client(connect(pod()));
    const answer = client.call(Task, "Connect", { id: "web" });
    const server = new TtrpcServer();
    await doors.take(door).serve(server);
    await assert.rejects(answer, (error) => codeOf(error) === Code.Unimplemented, "the server has answered");
    assert.ok(await isListening(pod()), "later connections are served as well");
    assert.deepEqual(readdirSync(join(directory, "k")), [], "it is reachable there alone");
    await client.close();
    await server.shutdown(1000);
  });

  it("takes the place of a socket that nobody serves", async () => {
    const [dead, door] = [await doors.make(), await doors.make()];
    assert.equal(await hangDoor(dead, pod()), "hung");
    doors.take(dead).close();
    assert.equal(await hangDoor(door, pod()), "hung");
    assert.ok(await isListening(pod()));
  });

  it("leaves an address alone that somebody serves", async () => {
    mkdirSync(join(directory, "s"));
    const server = await served(pod());
    const door = await doors.make();
    assert.equal(await hangDoor(door, pod()), "served");
    server.close();
    assert.ok(await isListening(door), "it waits for another pod");
  });

  it("cannot be hung when it has gone, nor in another file system", async () => {
    const door = await doors.make();
    assert.equal(await hangDoor(door, `/proc/${process.pid}/pod`), "impossible");
    rmSync(door);
    assert.equal(await hangDoor(door, pod()), "impossible");
  });

  it("answers no connection any more once closed", async () => {
    const door = await doors.make();
    await hangDoor(door, pod());
    const client = new Client(connect(pod()));
    const answer = client.call(Task, "Connect", { id: "web" });
    doors.close();
    await assert.rejects(answer);
    assert.equal(existsSync(door), false);
    assert.equal(doors.count, 0);
  });

  it("are taken away when their process was killed, those of others are not", async () => {
    const door = await doors.make();
    const neighbour = await served(join(directory, "k/neighbour"));
    const dead = join(directory, "k/keeper.1.1");
    const server = await served(join(directory, "k/unlinked"));
    // What a process leaves that had no time to take its socket away.
    await hangDoor(join(directory, "k/unlinked"), dead);
    await new Promise((resolve) => server.close(resolve));
    await removeDeadDoors(join(directory, "k/keeper"));
    assert.deepEqual(
      readdirSync(join(directory, "k")).sort(),
      [door.slice(door.lastIndexOf("/") + 1), "neighbour"].sort(),
    );
    neighbour.close();
  });
});
