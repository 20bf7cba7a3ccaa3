/** Windows builds by the names people know. Source: Microsoft's release information of Windows and Windows Server. */
const NAMES: readonly (readonly [number, string])[] = [
  [9200, "Windows Server 2012"],
  [10240, "Windows 10"],
  [14393, "Windows Server 2016"],
  [16299, "Windows Server, version 1709"],
  [17134, "Windows Server, version 1803"],
  [17763, "Windows Server 2019"],
  [18362, "Windows Server, version 1903"],
  [19041, "Windows Server, version 2004"],
  [20348, "Windows Server 2022"],
  [22000, "Windows 11"],
  [25398, "Windows Server, version 23H2"],
  [26100, "Windows Server 2025"],
];

/** `build 17763 (Windows Server 2019)`. */
export function nameBuild(build: number): string {
  const name = NAMES.find(([number]) => number === build)?.[1];
  return name === undefined ? `build ${build}` : `build ${build} (${name})`;
}
