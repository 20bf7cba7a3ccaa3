/**
 * `containerd-shim-runhcs/client`: containers as a library. Create, start, spawn, kill, wait, copy files, limit, connect,
 * protect: the same for Linux and Windows containers, over containerd or, where none runs, over the shim alone.
 *
 * @example
 * await using client = await connectClient();
 * const container = await client.create({ image: "busybox.tar", args: ["sh", "-c", "echo hi; exit 3"] });
 * const process = await container.start({ output: "pipe" });
 * process.stdout?.pipe(process.stdout);
 * const { exitCode } = await process.wait();
 * await container.destroy();
 */
export { ContainerClient, type ClientInit } from "./client.ts";
export { connectClient, platformDefaults, type ConnectOptions } from "./connect.ts";
export { Container, type ContainerInfo, type ContainerStatus, type StreamOptions } from "./container.ts";
export type * from "./engine.ts";
export { ClientError, type ClientErrorCode } from "./errors.ts";
export type { ContainerEvent } from "./events.ts";
export type { ImageInfo } from "./images/image.ts";
export type { Capabilities } from "./options/capabilities.ts";
export { CONTAINERV_LIMITS, parseMemory, type Limits } from "./options/limits.ts";
export type * from "./options/options.ts";
export type { ContainerProcess, ProcessExit } from "./process.ts";
export { minimalLinuxSpec } from "./spec/linux.ts";
export { splitArguments } from "./paths/arguments.ts";
export { normaliseCommand, rebase, type NormaliseOptions } from "./paths/guest-path.ts";
export { commandWrapper, shellWrapper, type WrapperInit } from "./wrappers.ts";
export type { HostNetwork, HostNetworks } from "../../hcs/port/networks.ts";
export type { CopiedFile, CopyOptions, CopyResult, FileCopy, FileTransport } from "./files/transport.ts";
export type { LayerSource } from "./layers/compose.ts";
export { tarTransport } from "./files/tar-transport.ts";
export { chooseNetwork, type JoinedNetwork } from "./network/join.ts";
export { cpuPercent, type ContainerUsage } from "./usage.ts";
export type { ContainerProcessInfo } from "./process-info.ts";
