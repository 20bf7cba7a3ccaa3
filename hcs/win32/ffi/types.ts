/**
 * The words in which native signatures are written: each with its form in C, for the FFI package, and its form in TypeScript.
 * Structures are laid out by hand in buffers, by the file that uses the function.
 */

/** A HANDLE, SOCKET, or other opaque word of the platform: a number where 53 bits hold it. */
export type Handle = number | bigint;

/** Where a native function writes one value. Made by {@link out}. */
export type Out<T> = [T];

/** Word of a signature → C type as the FFI package spells it. */
export const C_TYPES = {
  void: "void",
  /** HRESULT, NTSTATUS, LSTATUS, BOOL. */
  i32: "int32_t",
  /** DWORD. */
  u32: "uint32_t",
  /** WORD. */
  u16: "uint16_t",
  u64: "uint64_t",
  /** HANDLE, HCS_SYSTEM, SOCKET, SIZE_T, or an address: of a function, of memory that is not ours. */
  handle: "uintptr_t",
  /** PCWSTR. */
  text: "str16",
  /** PCWSTR that may be NULL. */
  "text?": "str16",
  /** Memory of ours, which the function uses until it returns. */
  buffer: "void *",
  "buffer?": "void *",
  outHandle: "_Out_ uintptr_t *",
  outU32: "_Out_ uint32_t *",
  outU64: "_Out_ uint64_t *",
  /** PWSTR * to a text that the function allocates: see `takeText`. */
  outText: "_Out_ uintptr_t *",
} as const;

export type NativeType = keyof typeof C_TYPES;

/** Word of a signature → TypeScript type. */
interface TypeScriptTypes {
  void: undefined;
  i32: number;
  u32: number;
  u16: number;
  u64: Handle;
  handle: Handle;
  text: string;
  "text?": string | null;
  buffer: Uint8Array;
  "buffer?": Uint8Array | null;
  outHandle: Out<Handle>;
  outU32: Out<number>;
  outU64: Out<Handle>;
  outText: Out<Handle>;
}

/** `i32 (text id, outHandle system)`. */
export type Signature = `${NativeType} (${string})`;

type ParametersIn<List extends string> = List extends ""
  ? []
  : List extends `${infer First}, ${infer Rest}`
    ? [ParameterIn<First>, ...ParametersIn<Rest>]
    : [ParameterIn<List>];

type ParameterIn<Text extends string> = Text extends `${infer Word extends NativeType} ${string}`
  ? TypeScriptTypes[Word]
  : never;

/** What a function of this signature is called with. */
export type ArgumentsOf<S extends Signature> = S extends `${string} (${infer List})`
  ? ParametersIn<List>
  : never;

/** What a function of this signature returns. */
export type ResultOf<S extends Signature> = S extends `${infer Word extends NativeType} (${string})`
  ? TypeScriptTypes[Word]
  : never;

export interface Parameter {
  readonly type: NativeType;
  readonly name: string;
}

/**
 * Reads a signature.
 *
 * @throws where a word is not in {@link C_TYPES}
 */
export function parseSignature(signature: string): { result: NativeType; parameters: Parameter[] } {
  const match = /^(?<result>\S+) \((?<list>.*)\)$/.exec(signature);
  const { result = "", list = "" } = match?.groups ?? {};
  const parameters = list === "" ? [] : list.split(", ").map((text) => text.split(" "));
  return {
    result: nativeType(result, signature),
    parameters: parameters.map(([type = "", name = ""]) => ({ type: nativeType(type, signature), name })),
  };
}

function nativeType(word: string, signature: string): NativeType {
  if (word in C_TYPES) return word as NativeType;
  throw new Error(`cannot read signature "${signature}": "${word}" is no type`);
}

/** A place for a native function to write to. */
export function out(): Out<number> {
  return [0];
}
