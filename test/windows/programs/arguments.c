/*
 * Writes its arguments to the file that ARGUMENTS_FILE names, each in UTF-8 and ended by a NUL, and ends with ARGUMENTS_EXIT.
 */
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>

int wmain(int count, wchar_t **arguments)
{
    FILE *file = _wfopen(_wgetenv(L"ARGUMENTS_FILE"), L"wb");
    if (file == NULL) return 1;
    for (int index = 1; index < count; index++) {
        char text[4096];
        int bytes = WideCharToMultiByte(CP_UTF8, 0, arguments[index], -1, text, sizeof text, NULL, NULL);
        if (bytes == 0 || fwrite(text, 1, (size_t)bytes, file) != (size_t)bytes) return 1;
    }
    if (fclose(file) != 0) return 1;
    return _wtoi(_wgetenv(L"ARGUMENTS_EXIT"));
}
