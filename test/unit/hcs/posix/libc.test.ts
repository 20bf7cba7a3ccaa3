import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import {
  attachMounts,
  copyMounts,
  duplicateOnto,
  mount,
  MS,
  nameFile,
  pipe,
  reapChild,
  receiveDescriptor,
  sendDescriptor,
  setNonBlocking,
  setWindowSize,
  socketPair,
  SystemCallError,
  unmount,
} from "../../../../hcs/posix/libc.ts";
import { until } from "../../../support/until.ts";

const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

const isCloseOnExec = (fd: number): boolean =>
  /^flags:\s+0?2\d{6}$/m.test(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"));

describe("pipe", () => {
  it("makes a pipe whose ends are not inherited", () => {
    const { read, write } = pipe();
    try {
      writeSync(write, "through");
      const buffer = Buffer.alloc(16);
      assert.equal(readSync(read, buffer), 7);
      assert.ok(fstatSync(read).isFIFO());
      assert.ok(isCloseOnExec(read) && isCloseOnExec(write));
    } finally {
      closeSync(read);
      closeSync(write);
    }
  });
});

describe("socketPair", () => {
  it("makes two connected sockets", async () => {
    const [one, other] = socketPair();
    const sockets = [new Socket({ fd: one }), new Socket({ fd: other })] as const;
    sockets[0].end("hello");
    const [chunk] = (await once(sockets[1], "data")) as [Buffer];
    assert.equal(chunk.toString(), "hello");
    for (const socket of sockets) socket.destroy();
  });
});

describe("duplicateOnto", () => {
  it("makes one descriptor another", () => {
    const [one, other] = socketPair();
    const { read, write } = pipe();
    duplicateOnto(write, one);
    assert.equal(readlinkSync(`/proc/self/fd/${one}`), readlinkSync(`/proc/self/fd/${write}`));
    assert.ok(isCloseOnExec(one));
    for (const fd of [one, other, read, write]) closeSync(fd);
    assert.throws(() => duplicateOnto(100_000, 100_001), { code: "EBADF", syscall: "dup3" });
  });
});

describe("setNonBlocking", () => {
  it("makes reads of an empty pipe return at once", () => {
    const { read, write } = pipe();
    setNonBlocking(read);
    assert.throws(() => readSync(read, Buffer.alloc(1)), { code: "EAGAIN" });
    closeSync(read);
    closeSync(write);
  });
});

describe("receiveDescriptor", () => {
  it("has nothing when nothing was sent, or no descriptor with it", () => {
    const [one, other] = socketPair();
    assert.equal(receiveDescriptor(one), undefined);
    writeSync(other, "just bytes");
    assert.equal(receiveDescriptor(one), undefined);
    closeSync(one);
    closeSync(other);
  });

  it("gives the descriptor that another process sent", async () => {
    const [one, other] = socketPair();
    // A program that passes a socket on as Node's own children do: SCM_RIGHTS beside a line of JSON.
    const script = "const s = require('net').createServer().listen(0, () => process.send({}, s))";
    const sender = spawn(process.execPath, ["-e", script], {
      stdio: ["ignore", "inherit", "inherit", other],
      env: { NODE_CHANNEL_FD: "3", NODE_CHANNEL_SERIALIZATION_MODE: "json" },
    });
    closeSync(other);
    const fd = await until("the descriptor to arrive", () => receiveDescriptor(one));
    assert.ok(fstatSync(fd).isSocket());
    assert.ok(isCloseOnExec(fd));
    closeSync(fd);
    closeSync(one);
    sender.kill("SIGKILL");
    await once(sender, "exit");
  });
});

describe("sendDescriptor", () => {
  it("hands a descriptor over, and leaves the sender's open", () => {
    const [one, other] = socketPair();
    const { read, write } = pipe();
    sendDescriptor(other, write);
    const received = receiveDescriptor(one);
    assert.ok(received !== undefined && received !== write);
    writeSync(received, "through");
    assert.equal(readSync(read, Buffer.alloc(16)), 7);
    assert.ok(fstatSync(write).isFIFO());
    for (const fd of [one, other, read, write, received]) closeSync(fd);
  });

  it("fails when nobody is there to take it", () => {
    const [one, other] = socketPair();
    closeSync(other);
    assert.throws(() => sendDescriptor(one, 0), { code: "EPIPE", syscall: "sendmsg" });
    closeSync(one);
  });
});

describe("nameFile", () => {
  it("gives a file without a name one", () => {
    const directory = mkdtempSync("/tmp/rhc-libc-");
    const file = openSync(directory, O_TMPFILE | constants.O_RDWR, 0o600);
    try {
      writeSync(file, "said");
      nameFile(file, join(directory, "log"));
      assert.equal(readFileSync(join(directory, "log"), "utf8"), "said");
      assert.throws(() => nameFile(file, join(directory, "log")), { code: "EEXIST", syscall: "linkat" });
    } finally {
      closeSync(file);
      rmSync(directory, { recursive: true });
    }
  });
});

describe("setWindowSize", () => {
  it("fails for what is no terminal", () => {
    const { read, write } = pipe();
    assert.throws(() => setWindowSize(read, { height: 24, width: 80 }), { code: "ENOTTY", syscall: "ioctl" });
    closeSync(read);
    closeSync(write);
  });

  it("sets the size that programs ask for", () => {
    const terminal = openSync("/dev/ptmx", "r+");
    try {
      setWindowSize(terminal, { height: 31, width: 97 });
      const size = execFileSync("stty", ["size"], { stdio: [terminal, "pipe", "inherit"], encoding: "utf8" });
      assert.equal(size, "31 97\n");
    } finally {
      closeSync(terminal);
    }
  });
});

describe("becomeSubreaper, peekExitedChild and reapChild", () => {
  it("see and collect the orphans of descendants, with status or signal", () => {
    // In a process of its own: a subreaper remains one.
    const script = join(import.meta.dirname, "adopt-orphans.ts");
    const output = execFileSync(process.execPath, ["--import", "tsx", script], {
      encoding: "utf8",
      env: { ...process.env, NODE_V8_COVERAGE: undefined },
    });
    assert.deepEqual(JSON.parse(output), { statuses: [7, 137], again: [null, null], left: null });
  });

  it("see nothing of processes that are no children", () => {
    assert.equal(reapChild(process.ppid), undefined);
  });
});

describe("mount and unmount", function () {
  let directory: string;

  before(function () {
    if (process.getuid?.() === 0) return;
    console.log("      skipped: mounting needs root");
    this.skip();
  });
  beforeEach(() => {
    directory = mkdtempSync("/tmp/rhc-libc-");
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it("put a file system on a directory and take it off", () => {
    mount({ source: "tmpfs", target: directory, type: "tmpfs", flags: MS.nosuid, data: "size=64k" });
    mount({ target: directory, flags: MS.remount | MS.bind | MS.rdonly });
    assert.throws(() => writeFileSync(join(directory, "x"), ""), { code: "EROFS" });
    unmount(directory);
    writeFileSync(join(directory, "x"), "");
  });

  it("refuse with the call, its subject and the code", () => {
    const missing = join(directory, "missing");
    assert.throws(
      () => mount({ source: "tmpfs", target: missing, type: "tmpfs" }),
      (error: unknown) => {
        assert.ok(error instanceof SystemCallError);
        assert.equal(error.message, `mount tmpfs on ${missing}: ENOENT`);
        assert.equal(error.syscall, "mount");
        return true;
      },
    );
    assert.throws(() => unmount(directory), { code: "EINVAL", syscall: "umount2" });
  });

  it("attach a copy of mounts elsewhere, which shares with them", () => {
    const [original, copy, inner] = ["original", "copy", "original/inner"].map((name) =>
      join(directory, name),
    );
    assert.ok(original !== undefined && copy !== undefined && inner !== undefined);
    for (const path of [original, copy]) mkdirSync(path);
    mount({ source: "tmpfs", target: original, type: "tmpfs" });
    mount({ target: original, flags: MS.private });
    mount({ target: original, flags: MS.shared });
    const mounts = copyMounts(original);
    attachMounts(mounts, copy);
    closeSync(mounts);
    mkdirSync(inner);
    mount({ source: "tmpfs", target: inner, type: "tmpfs" });
    writeFileSync(join(inner, "file"), "");
    assert.ok(existsSync(join(copy, "inner/file")));
    for (const path of [inner, original, copy]) unmount(path);
    assert.throws(() => copyMounts(join(directory, "missing")), { code: "ENOENT", syscall: "open_tree" });
  });

  it("detach what is in use", () => {
    mount({ source: "tmpfs", target: directory, type: "tmpfs" });
    const file = openSync(join(directory, "x"), "w");
    assert.throws(() => unmount(directory), { code: "EBUSY" });
    unmount(directory, { detach: true });
    closeSync(file);
  });
});
