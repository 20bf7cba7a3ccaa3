/**
 * Registry values in Wine's text form. A key may be there more than once in such a file: what comes later adds to it, so
 * that values are added to a hive by appending.
 */
import type { RegistryHive, RegistryValue } from "../../schema/registry.ts";

const ROOTS: Readonly<Record<RegistryHive, string>> = {
  System: "System",
  Software: "Software",
  Security: "Security",
  Sam: "SAM",
};

/** Numbers of the types, as in winnt.h. */
const TYPE = { none: 0, expandedString: 2, binary: 3, multiString: 7, qword: 0xb } as const;

/** Text to append to `system.reg`, which holds HKEY_LOCAL_MACHINE. */
export function machineRegistryText(values: readonly RegistryValue[]): string {
  return values.map((value) => section(`${ROOTS[value.Key.Hive]}\\${value.Key.Name}`, value)).join("");
}

function section(key: string, value: RegistryValue): string {
  const name = value.Name === "" ? "@" : quoted(value.Name);
  return `\n[${key.replaceAll("\\", "\\\\")}]\n${name}=${content(value)}\n`;
}

function content(value: RegistryValue): string {
  const { StringValue = "", DWordValue = 0, QWordValue = 0 } = value;
  const binary = Buffer.from(value.BinaryValue ?? "", "base64");
  switch (value.Type) {
    case "String":
      return quoted(StringValue);
    case "DWord":
      return `dword:${(DWordValue >>> 0).toString(16).padStart(8, "0")}`;
    case "ExpandedString":
      return hex(TYPE.expandedString, wide(StringValue));
    case "MultiString":
      return hex(TYPE.multiString, wide(`${StringValue}\0`));
    case "QWord": {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(QWordValue)));
      return hex(TYPE.qword, bytes);
    }
    case "Binary":
      return hex(TYPE.binary, binary);
    case "CustomType":
      return hex(value.CustomType ?? TYPE.none, binary);
    case "None":
      return hex(TYPE.none, binary);
  }
}

function hex(type: number, bytes: Buffer): string {
  const list = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(",");
  return `hex(${type.toString(16)}):${list}`;
}

function wide(text: string): Buffer {
  return Buffer.from(`${text}\0`, "utf16le");
}

/** In quotes; what is not printable ASCII by its code. */
function quoted(text: string): string {
  const escaped = [...text].map((character) => {
    if (character === "\\" || character === '"') return `\\${character}`;
    if (/^[ -~]$/.test(character)) return character;
    return [...Array(character.length).keys()]
      .map((index) => `\\x${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
      .join("");
  });
  return `"${escaped.join("")}"`;
}
