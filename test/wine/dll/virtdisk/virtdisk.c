/* Stand-in for virtdisk.dll: virtual disks. A disk's handle is that of a real event, so that CloseHandle works and leaks are counted. */
#define _WIN32_WINNT 0x0A00
#include "../rig/check.h"

#include <virtdisk.h>

/* The header declares them as imported: they are exported under other names, of the same types. */
DWORD WINAPI RigOpenVirtualDisk(PVIRTUAL_STORAGE_TYPE, PCWSTR, VIRTUAL_DISK_ACCESS_MASK, OPEN_VIRTUAL_DISK_FLAG,
                                POPEN_VIRTUAL_DISK_PARAMETERS, PHANDLE);
DWORD WINAPI RigSetVirtualDiskInformation(HANDLE, PSET_VIRTUAL_DISK_INFO);
_Static_assert(__builtin_types_compatible_p(__typeof__(OpenVirtualDisk), __typeof__(RigOpenVirtualDisk)), "prototype");
_Static_assert(__builtin_types_compatible_p(__typeof__(SetVirtualDiskInformation),
                                            __typeof__(RigSetVirtualDiskInformation)), "prototype");

static DWORD win32(HRESULT hresult)
{
    return HRESULT_FACILITY(hresult) == FACILITY_WIN32 ? HRESULT_CODE(hresult) : (DWORD)hresult;
}

DWORD WINAPI RigOpenVirtualDisk(PVIRTUAL_STORAGE_TYPE VirtualStorageType, PCWSTR Path,
                                VIRTUAL_DISK_ACCESS_MASK VirtualDiskAccessMask, OPEN_VIRTUAL_DISK_FLAG Flags,
                                POPEN_VIRTUAL_DISK_PARAMETERS Parameters, PHANDLE Handle)
{
    RigMessage *call;
    HRESULT hresult;
    if (!RigRequire("OpenVirtualDisk", "VirtualStorageType", VirtualStorageType) || !RigRequire("OpenVirtualDisk", "Path", Path) ||
        !RigRequire("OpenVirtualDisk", "Parameters", Parameters) || !RigRequire("OpenVirtualDisk", "Handle", Handle))
        return ERROR_INVALID_PARAMETER;
    if (Parameters->Version != OPEN_VIRTUAL_DISK_VERSION_2) {
        RigViolation("OpenVirtualDisk", "version of parameters is %d, not 2", Parameters->Version);
        return ERROR_INVALID_PARAMETER;
    }
    /* With version 2 the access follows from the parameters. */
    if (VirtualDiskAccessMask != VIRTUAL_DISK_ACCESS_NONE) {
        RigViolation("OpenVirtualDisk", "access 0x%x with version 2", VirtualDiskAccessMask);
        return ERROR_INVALID_PARAMETER;
    }
    if (Parameters->Version2.GetInfoOnly || Parameters->Version2.ReadOnly)
        RigViolation("OpenVirtualDisk", "the disk could not be changed");
    call = RigBegin("OpenVirtualDisk");
    RigText(call, "path", Path);
    RigNumber(call, "deviceId", VirtualStorageType->DeviceId);
    RigNumber(call, "flags", Flags);
    hresult = RigSend(call);
    RigEnd(call);
    if (FAILED(hresult)) return win32(hresult);
    *Handle = CreateEventW(NULL, TRUE, FALSE, NULL);
    RigOpen("disk", (UINT64)(UINT_PTR)*Handle);
    return ERROR_SUCCESS;
}

DWORD WINAPI RigSetVirtualDiskInformation(HANDLE VirtualDiskHandle, PSET_VIRTUAL_DISK_INFO VirtualDiskInfo)
{
    RigMessage *call;
    HRESULT hresult;
    RigHandle *disk = RigFindById("disk", (UINT64)(UINT_PTR)VirtualDiskHandle);
    if (disk == NULL || !RigRequireHandle("SetVirtualDiskInformation", "VirtualDiskHandle", VirtualDiskHandle)) {
        RigViolation("SetVirtualDiskInformation", "%p is no open disk", VirtualDiskHandle);
        return ERROR_INVALID_HANDLE;
    }
    if (!RigRequire("SetVirtualDiskInformation", "VirtualDiskInfo", VirtualDiskInfo)) return ERROR_INVALID_PARAMETER;
    if (VirtualDiskInfo->Version != SET_VIRTUAL_DISK_INFO_IDENTIFIER)
        RigViolation("SetVirtualDiskInformation", "version is %d, not that of an identifier", VirtualDiskInfo->Version);
    call = RigBegin("SetVirtualDiskInformation");
    RigGuid(call, "id", &VirtualDiskInfo->UniqueIdentifier);
    hresult = RigSend(call);
    RigEnd(call);
    /* Closed by CloseHandle, which nobody tells the DLL of: what is left over shows as handles of the process. */
    RigClose(disk);
    return FAILED(hresult) ? win32(hresult) : ERROR_SUCCESS;
}

void RigOnEvent(const char *name, const RigMessage *message)
{
    (void)name, (void)message;
}
