/** Registry values that a compute system starts with. */

export interface RegistryChanges {
  AddValues?: RegistryValue[];
}

export type RegistryHive = "System" | "Software" | "Security" | "Sam";

export interface RegistryKey {
  Hive: RegistryHive;
  Name: string;
  Volatile?: boolean;
}

export type RegistryValueType =
  "None" | "String" | "ExpandedString" | "MultiString" | "Binary" | "DWord" | "QWord" | "CustomType";

/** One member holds the value, as `Type` says. */
export interface RegistryValue {
  Key: RegistryKey;
  Name: string;
  Type: RegistryValueType;
  StringValue?: string;
  /** Base64. */
  BinaryValue?: string;
  DWordValue?: number;
  QWordValue?: number;
  CustomType?: number;
}
