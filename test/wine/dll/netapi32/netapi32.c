/* Stand-in for netapi32.dll: local accounts and groups. Wine's own knows no group and makes any account. */
#include "../rig/check.h"

#include <lm.h>
#include <stdlib.h>

static NET_API_STATUS status_of(HRESULT hresult)
{
    if (SUCCEEDED(hresult)) return NERR_Success;
    return HRESULT_FACILITY(hresult) == FACILITY_WIN32 ? HRESULT_CODE(hresult) : ERROR_GEN_FAILURE;
}

static NET_API_STATUS finish(RigMessage *call)
{
    NET_API_STATUS status = status_of(RigSend(call));
    RigEnd(call);
    return status;
}

static void require_this_computer(const char *function, PCWSTR server)
{
    if (server != NULL) RigViolation(function, "another computer is asked");
}

/* What is freed by NetApiBufferFree is a handle of the rig, so that what is left over is counted. */
RIG_EXPORT NET_API_STATUS WINAPI NetLocalGroupGetInfo(LPCWSTR servername, LPCWSTR groupname, DWORD level, LPBYTE *bufptr)
{
    RigMessage *call;
    NET_API_STATUS status;
    require_this_computer(__func__, servername);
    if (!RigRequire(__func__, "groupname", groupname) || !RigRequire(__func__, "bufptr", bufptr))
        return ERROR_INVALID_PARAMETER;
    if (level > 1) return ERROR_INVALID_LEVEL;
    *bufptr = NULL;
    call = RigBegin(__func__);
    RigText(call, "group", groupname);
    status = finish(call);
    if (status == NERR_Success) *bufptr = (LPBYTE)RigOpen("buffer", 0);
    return status;
}

RIG_EXPORT NET_API_STATUS WINAPI NetApiBufferFree(LPVOID Buffer)
{
    RigHandle *buffer = RigFind(__func__, "buffer", Buffer);
    if (buffer == NULL) return ERROR_INVALID_PARAMETER;
    RigClose(buffer);
    return NERR_Success;
}

RIG_EXPORT NET_API_STATUS WINAPI NetUserAdd(LPCWSTR servername, DWORD level, LPBYTE buf, LPDWORD parm_err)
{
    const USER_INFO_1 *user = (const USER_INFO_1 *)buf;
    RigMessage *call;
    require_this_computer(__func__, servername);
    if (level != 1) return ERROR_INVALID_LEVEL;
    if (!RigRequire(__func__, "buf", buf) || !RigRequire(__func__, "parm_err", parm_err)) return ERROR_INVALID_PARAMETER;
    if (!RigRequire(__func__, "usri1_name", user->usri1_name) ||
        !RigRequire(__func__, "usri1_password", user->usri1_password))
        return ERROR_INVALID_PARAMETER;
    if (user->usri1_priv != USER_PRIV_USER) RigViolation(__func__, "usri1_priv is %lu", user->usri1_priv);
    if (user->usri1_home_dir != NULL || user->usri1_comment != NULL || user->usri1_script_path != NULL)
        RigViolation(__func__, "there is more than a name and a password");
    if (wcslen(user->usri1_name) > 20) {
        *parm_err = 1;
        return ERROR_INVALID_PARAMETER;
    }
    call = RigBegin(__func__);
    RigText(call, "name", user->usri1_name);
    RigNumber(call, "passwordLength", wcslen(user->usri1_password));
    RigNumber(call, "flags", user->usri1_flags);
    return finish(call);
}

RIG_EXPORT NET_API_STATUS WINAPI NetLocalGroupAddMembers(LPCWSTR servername, LPCWSTR groupname, DWORD level, LPBYTE buf,
                                                         DWORD totalentries)
{
    const LOCALGROUP_MEMBERS_INFO_3 *member = (const LOCALGROUP_MEMBERS_INFO_3 *)buf;
    RigMessage *call;
    require_this_computer(__func__, servername);
    if (level != 3) return ERROR_INVALID_LEVEL;
    if (!RigRequire(__func__, "groupname", groupname) || !RigRequire(__func__, "buf", buf)) return ERROR_INVALID_PARAMETER;
    if (totalentries != 1) RigViolation(__func__, "%lu members are added", totalentries);
    if (!RigRequire(__func__, "lgrmi3_domainandname", member->lgrmi3_domainandname)) return ERROR_INVALID_PARAMETER;
    call = RigBegin(__func__);
    RigText(call, "group", groupname);
    RigText(call, "member", member->lgrmi3_domainandname);
    return finish(call);
}

RIG_EXPORT NET_API_STATUS WINAPI NetUserDel(LPCWSTR servername, LPCWSTR username)
{
    RigMessage *call;
    require_this_computer(__func__, servername);
    if (!RigRequire(__func__, "username", username)) return ERROR_INVALID_PARAMETER;
    call = RigBegin(__func__);
    RigText(call, "name", username);
    return finish(call);
}

void RigOnEvent(const char *name, const RigMessage *message)
{
    (void)name, (void)message;
}
