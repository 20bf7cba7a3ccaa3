/** Messages in a `google.protobuf.Any`. */
import type { Any } from "./gen/google.ts";
import type { MessageType } from "./types.ts";

/** Wraps a message. The type URL is the bare name, as containerd writes it. */
export function packAny<T>(type: MessageType<T>, message: Partial<T>): Any {
  return { typeUrl: type.typeName, value: type.encode(message) };
}

/**
 * The message in `any`, or `undefined` when it is one of another type (callers choose among types that way).
 *
 * @throws {WireError} when it is of the type but not a valid encoding
 */
export function unpackAny<T>(any: Any, type: MessageType<T>): T | undefined {
  return typeNameOf(any.typeUrl) === type.typeName ? type.decode(any.value) : undefined;
}

/**
 * The name of the type a URL stands for: `x.Y` for `x.Y` and for `type.googleapis.com/x.Y`. A URL with several
 * slashes is no message's and stays whole (see `type-urls.ts`).
 */
export function typeNameOf(url: string): string {
  const slash = url.indexOf("/");
  return slash === url.lastIndexOf("/") ? url.slice(slash + 1) : url;
}
