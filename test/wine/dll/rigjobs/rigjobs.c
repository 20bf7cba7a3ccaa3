/*
 * Job objects as kernel32 of Windows has them: Wine's, with the information classes that Wine does not know. A program calls it in the
 * place of kernel32, which cannot be replaced.
 */
#define _WIN32_WINNT 0x0A00
#include "../rig/check.h"

/* Classes and structures that the headers of mingw-w64 lack. Source: hcsshim, internal/winapi. */
enum { GROUP_INFORMATION_EX = 14, CPU_RATE_CONTROL = 15, MEMORY_USAGE = 28, CREATE_SILO = 35, IO_ATTRIBUTION = 42 };

typedef struct MEMORY_USAGE_INFORMATION {
    ULONG64 JobMemory, PeakJobMemoryUsed;
} MEMORY_USAGE_INFORMATION;

typedef struct IO_ATTRIBUTION_STATS {
    ULONG_PTR IoCount;
    ULONGLONG TotalNonOverlappedQueueTime, TotalNonOverlappedServiceTime, TotalSize;
} IO_ATTRIBUTION_STATS;

typedef struct IO_ATTRIBUTION_INFORMATION {
    ULONG ControlFlags;
    IO_ATTRIBUTION_STATS ReadStats, WriteStats;
} IO_ATTRIBUTION_INFORMATION;

/* Before Windows SDK 10.0.14393 known under another name. */
typedef struct IO_RATE_CONTROL_INFORMATION {
    LONG64 MaxIops, MaxBandwidth, ReservationIops;
    PCWSTR VolumeName;
    ULONG BaseIoSize, ControlFlags;
} IO_RATE_CONTROL_INFORMATION;

static BOOL is_job(const char *function, HANDLE job)
{
    BOOL unused;
    if (IsProcessInJob(GetCurrentProcess(), job, &unused)) return TRUE;
    RigViolation(function, "%p is no job", job);
    SetLastError(ERROR_INVALID_HANDLE);
    return FALSE;
}

/* Fails as SetInformationJobObject does where the length is not that of the class. */
static BOOL has_size(DWORD length, size_t size)
{
    if (length == size) return TRUE;
    SetLastError(ERROR_BAD_LENGTH);
    return FALSE;
}

static BOOL finish(RigMessage *call)
{
    HRESULT hresult = RigSend(call);
    RigEnd(call);
    if (SUCCEEDED(hresult)) return TRUE;
    SetLastError(HRESULT_CODE(hresult));
    return FALSE;
}

/* A function of the real kernel32, found at run time: the name itself is this DLL's. */
#define REAL(name) ((__typeof__(&name))(void *)GetProcAddress(GetModuleHandleW(L"kernel32.dll"), #name))

/* Exported under the names of kernel32 (rigjobs.def), of the same types. */
#define SAME(name, ours) _Static_assert(__builtin_types_compatible_p(__typeof__(name), __typeof__(ours)), #name)

/* --- What Wine has --- */

HANDLE WINAPI RigCreateJobObject(LPSECURITY_ATTRIBUTES attributes, LPCWSTR name)
{
    return REAL(CreateJobObjectW)(attributes, name);
}

HANDLE WINAPI RigOpenJobObject(DWORD access, BOOL inherit, LPCWSTR name)
{
    return REAL(OpenJobObjectW)(access, inherit, name);
}

BOOL WINAPI RigTerminateJobObject(HANDLE job, UINT exit_code)
{
    return REAL(TerminateJobObject)(job, exit_code);
}

SAME(CreateJobObjectW, RigCreateJobObject);
SAME(OpenJobObjectW, RigOpenJobObject);
SAME(TerminateJobObject, RigTerminateJobObject);

/* --- What Wine has in part --- */

BOOL WINAPI RigSetInformationJobObject(HANDLE job, JOBOBJECTINFOCLASS class, LPVOID information, DWORD length)
{
    RigMessage *call;
    if (!is_job(__func__, job)) return FALSE;
    switch ((int)class) {
    case CPU_RATE_CONTROL: {
        const JOBOBJECT_CPU_RATE_CONTROL_INFORMATION *control = information;
        if (!has_size(length, sizeof *control)) return FALSE;
        call = RigBegin("JobSetCpuRateControl");
        RigNumber(call, "flags", control->ControlFlags);
        RigNumber(call, "value", control->CpuRate);
        return finish(call);
    }
    case GROUP_INFORMATION_EX: {
        const GROUP_AFFINITY *groups = information;
        DWORD count = length / sizeof *groups, index;
        if (count == 0 || !has_size(length, count * sizeof *groups)) return FALSE;
        call = RigBegin("JobSetGroupAffinities");
        RigNumber(call, "count", count);
        for (index = 0; index < count; index++) {
            char name[] = {'g', (char)('0' + index), 0};
            RigNumber(call, name, groups[index].Group);
            name[0] = 'm';
            RigNumber(call, name, groups[index].Mask);
            if (groups[index].Reserved[0] || groups[index].Reserved[1] || groups[index].Reserved[2])
                RigViolation(__func__, "Reserved of group affinity %lu is not zero", index);
        }
        return finish(call);
    }
    case CREATE_SILO:
        if (information != NULL || !has_size(length, 0)) return FALSE;
        return finish(RigBegin("JobCreateSilo"));
    case IO_ATTRIBUTION: {
        const IO_ATTRIBUTION_INFORMATION *attribution = information;
        if (!has_size(length, sizeof *attribution)) return FALSE;
        call = RigBegin("JobTrackIo");
        RigNumber(call, "flags", attribution->ControlFlags);
        return finish(call);
    }
    default: return REAL(SetInformationJobObject)(job, class, information, length);
    }
}

BOOL WINAPI RigQueryInformationJobObject(HANDLE job, JOBOBJECTINFOCLASS class, LPVOID information, DWORD length,
                                         LPDWORD returned)
{
    RigMessage *call;
    HRESULT hresult;
    if (!is_job(__func__, job)) return FALSE;
    switch ((int)class) {
    case MEMORY_USAGE: {
        MEMORY_USAGE_INFORMATION *usage = information;
        if (!has_size(length, sizeof *usage)) return FALSE;
        call = RigBegin("JobMemoryUsage");
        hresult = RigSend(call);
        usage->JobMemory = RigGetNumber(call, "bytes");
        usage->PeakJobMemoryUsed = RigGetNumber(call, "peakBytes");
        break;
    }
    case IO_ATTRIBUTION: {
        IO_ATTRIBUTION_INFORMATION *attribution = information;
        if (!has_size(length, sizeof *attribution)) return FALSE;
        if (attribution->ControlFlags != 1) RigViolation(__func__, "ControlFlags is %lu", attribution->ControlFlags);
        call = RigBegin("JobIoAttribution");
        hresult = RigSend(call);
        attribution->ReadStats.IoCount = RigGetNumber(call, "reads");
        attribution->ReadStats.TotalSize = RigGetNumber(call, "readBytes");
        attribution->WriteStats.IoCount = RigGetNumber(call, "writes");
        attribution->WriteStats.TotalSize = RigGetNumber(call, "writtenBytes");
        break;
    }
    default: return REAL(QueryInformationJobObject)(job, class, information, length, returned);
    }
    RigEnd(call);
    if (SUCCEEDED(hresult)) return TRUE;
    SetLastError(HRESULT_CODE(hresult));
    return FALSE;
}

SAME(SetInformationJobObject, RigSetInformationJobObject);
SAME(QueryInformationJobObject, RigQueryInformationJobObject);

/* --- What Wine has not --- */

DWORD WINAPI RigSetIoRateControlInformationJobObject(HANDLE job, const IO_RATE_CONTROL_INFORMATION *control)
{
    RigMessage *call;
    if (!is_job(__func__, job) || !RigRequire(__func__, "IoRateControlInfo", control)) return FALSE;
    if (control->VolumeName != NULL || control->ReservationIops != 0 || control->BaseIoSize != 0)
        RigViolation(__func__, "more than the two limits is set");
    call = RigBegin("JobSetIoRateControl");
    RigNumber(call, "flags", control->ControlFlags);
    RigNumber(call, "maxIops", control->MaxIops);
    RigNumber(call, "maxBandwidth", control->MaxBandwidth);
    return finish(call);
}

void RigOnEvent(const char *name, const RigMessage *message)
{
    (void)name, (void)message;
}
