#include "turn.h"

static CRITICAL_SECTION lock;
static CONDITION_VARIABLE callback_ended;
static const void *calling_back;
static DWORD calling_thread;
static INIT_ONCE once = INIT_ONCE_STATIC_INIT;

static BOOL CALLBACK initialize(INIT_ONCE *which, void *parameter, void **context)
{
    (void)which, (void)parameter, (void)context;
    InitializeCriticalSection(&lock);
    InitializeConditionVariable(&callback_ended);
    return TRUE;
}

void RigEnter(void)
{
    InitOnceExecuteOnce(&once, initialize, NULL, NULL);
    EnterCriticalSection(&lock);
}

void RigLeave(void)
{
    LeaveCriticalSection(&lock);
}

void RigAwaitCallback(const void *handle)
{
    while (calling_back == handle && calling_thread != GetCurrentThreadId())
        SleepConditionVariableCS(&callback_ended, &lock, INFINITE);
}

void RigBeginCallback(const void *handle)
{
    calling_back = handle;
    calling_thread = GetCurrentThreadId();
    RigLeave();
}

void RigEndCallback(void)
{
    RigEnter();
    calling_back = NULL;
    WakeAllConditionVariable(&callback_ended);
    RigLeave();
}
