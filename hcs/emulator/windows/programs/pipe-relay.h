/* Serves the container's end of mapped pipes (pipe-relay.c). */
#pragma once
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <wchar.h>

/* Names are without \\.\pipe\. Stays until the agent's end of the input. */
int relay_pipes(int count, wchar_t **names);
