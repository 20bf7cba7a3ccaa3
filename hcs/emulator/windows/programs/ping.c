/*
 * ping for the emulator's Windows containers: Wine's lacks `-t`, which pods need. Containers that have nothing to do but to
 * stay run `ping -t 127.0.0.1 > nul`.
 *
 *   ping.exe [-t] [-n COUNT] [-w TIMEOUT] TARGET
 *
 * Built by scripts/build.ts with mingw-w64.
 */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <iphlpapi.h>
#include <icmpapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INTERVAL_MS = 1000, REPLY_BYTES = 256 };

static int usage(void)
{
    fputs("Usage: ping [-t] [-n count] [-w timeout] target_name\n", stderr);
    return 1;
}

int main(int argc, char **argv)
{
    const char *target = NULL;
    unsigned long count = 4, timeout = 4000;
    BOOL forever = FALSE;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-t") == 0) forever = TRUE;
        else if (strcmp(argv[i], "-n") == 0 && i + 1 < argc) count = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "-w") == 0 && i + 1 < argc) timeout = strtoul(argv[++i], NULL, 10);
        else if (argv[i][0] == '-' || target != NULL) return usage();
        else target = argv[i];
    }
    if (target == NULL) return usage();
    setvbuf(stdout, NULL, _IONBF, 0);
    WSADATA sockets;
    struct addrinfo hints = { .ai_family = AF_INET }, *found;
    if (WSAStartup(MAKEWORD(2, 2), &sockets) != 0 || getaddrinfo(target, NULL, &hints, &found) != 0) {
        printf("Ping request could not find host %s. Please check the name and try again.\n", target);
        return 1;
    }
    IPAddr address = ((struct sockaddr_in *)found->ai_addr)->sin_addr.s_addr;
    HANDLE icmp = IcmpCreateFile();
    printf("Pinging %s with 32 bytes of data:\n", target);
    unsigned long replies = 0;
    for (unsigned long sent = 1; forever || sent <= count; sent++) {
        char data[32] = "abcdefghijklmnopqrstuvwabcdefgh", reply[REPLY_BYTES];
        if (icmp != INVALID_HANDLE_VALUE &&
            IcmpSendEcho(icmp, address, data, sizeof data, NULL, reply, sizeof reply, timeout) > 0) {
            const ICMP_ECHO_REPLY *echo = (const ICMP_ECHO_REPLY *)reply;
            replies++;
            printf("Reply from %s: bytes=%u time=%lums TTL=%u\n", target, (unsigned)echo->DataSize,
                   (unsigned long)echo->RoundTripTime, (unsigned)echo->Options.Ttl);
        } else {
            puts("Request timed out.");
        }
        if (forever || sent < count) Sleep(INTERVAL_MS);
    }
    return replies > 0 ? 0 : 1;
}
