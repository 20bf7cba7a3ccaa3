/* Stand-in for cimfs.dll: composite images as volumes. Prototypes from learn.microsoft.com, "Composite Image File System". */
#include "../rig/check.h"

#include <stdlib.h>
#include <string.h>

typedef struct CIMFS_IMAGE_PATH {
    PCWSTR ImageDir;
    PCWSTR ImageName;
} CIMFS_IMAGE_PATH;

#define KNOWN_FLAGS 0xb2

static BOOL check_flags(const char *function, ULONG flags)
{
    if ((flags & ~KNOWN_FLAGS) == 0) return TRUE;
    RigViolation(function, "flags 0x%lx are not known", flags);
    return FALSE;
}

/* Directory and name, joined. Freed by `free`. */
static PWSTR join(const CIMFS_IMAGE_PATH *image)
{
    size_t size = wcslen(image->ImageDir) + wcslen(image->ImageName) + 2;
    PWSTR path = malloc(size * sizeof *path);
    if (path == NULL) abort();
    wcscpy(path, image->ImageDir);
    wcscat(path, L"\\");
    wcscat(path, image->ImageName);
    return path;
}

static HRESULT mount(const char *function, ULONG count, const CIMFS_IMAGE_PATH *images, ULONG flags, const GUID *volume)
{
    RigMessage *call;
    HRESULT hresult;
    ULONG index;
    if (!RigRequire(function, "images", images) || !RigRequire(function, "volumeId", volume)) return E_POINTER;
    if (!check_flags(function, flags)) return E_INVALIDARG;
    call = RigBegin(function);
    RigNumber(call, "count", count);
    for (index = 0; index < count; index++) {
        char name[16];
        PWSTR path;
        if (!RigRequire(function, "ImageDir", images[index].ImageDir) ||
            !RigRequire(function, "ImageName", images[index].ImageName)) {
            RigEnd(call);
            return E_POINTER;
        }
        _ultoa(index, name, 10);
        path = join(&images[index]);
        RigText(call, name, path);
        free(path);
    }
    RigNumber(call, "flags", flags);
    RigGuid(call, "volume", volume);
    hresult = RigSend(call);
    RigEnd(call);
    return hresult;
}

RIG_EXPORT HRESULT WINAPI CimMountImage(PCWSTR imageContainingPath, PCWSTR imageName, ULONG mountImageFlags,
                                        const GUID *volumeId)
{
    const CIMFS_IMAGE_PATH image = {imageContainingPath, imageName};
    return mount(__func__, 1, &image, mountImageFlags, volumeId);
}

RIG_EXPORT HRESULT WINAPI CimMergeMountImage(ULONG numberOfImages, const CIMFS_IMAGE_PATH *images, ULONG mountImageFlags,
                                             const GUID *volumeId)
{
    if (numberOfImages < 2) RigViolation(__func__, "%lu images cannot be merged", numberOfImages);
    return mount(__func__, numberOfImages, images, mountImageFlags, volumeId);
}

RIG_EXPORT HRESULT WINAPI CimDismountImage(const GUID *volumeId)
{
    RigMessage *call;
    HRESULT hresult;
    if (!RigRequire(__func__, "volumeId", volumeId)) return E_POINTER;
    call = RigBegin(__func__);
    RigGuid(call, "volume", volumeId);
    hresult = RigSend(call);
    RigEnd(call);
    return hresult;
}

void RigOnEvent(const char *name, const RigMessage *message)
{
    (void)name, (void)message;
}
