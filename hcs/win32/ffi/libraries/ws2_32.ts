/** ws2_32.dll: sockets, of Hyper-V above all. Functions report by WSAGetLastError. */

export const WS2_32 = {
  file: "ws2_32.dll",
  since: 10240,
  feature: "Hyper-V sockets",
  source: "https://learn.microsoft.com/windows/win32/api/winsock2/",
  unproven: "the address family of Hyper-V (AF_HYPERV): the rig carries it by AF_INET",
  functions: {
    WSAStartup: "i32 (u16 version, buffer data)",
    WSAGetLastError: "i32 ()",
    WSASocketW: "handle (i32 family, i32 type, i32 protocol, buffer? info, u32 group, u32 flags)",
    setsockopt: "i32 (handle socket, i32 level, i32 option, buffer value, i32 length)",
    bind: "i32 (handle socket, buffer address, i32 length)",
    listen: "i32 (handle socket, i32 backlog)",
    accept: "handle (handle socket, buffer? address, buffer? length)",
    connect: "i32 (handle socket, buffer address, i32 length)",
    getsockname: "i32 (handle socket, buffer address, buffer length)",
    recv: "i32 (handle socket, buffer data, i32 length, i32 flags)",
    send: "i32 (handle socket, buffer data, i32 length, i32 flags)",
    shutdown: "i32 (handle socket, i32 how)",
    closesocket: "i32 (handle socket)",
    WSAEventSelect: "i32 (handle socket, handle event, i32 events)",
    WSAEnumNetworkEvents: "i32 (handle socket, handle event, buffer events)",
  },
} as const;
