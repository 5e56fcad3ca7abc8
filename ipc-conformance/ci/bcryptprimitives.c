/* Wine 8 has no bcryptprimitives.dll, from which Rust's standard library takes its random numbers.
   This one gives what that library uses, out of advapi32. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length); /* RtlGenRandom */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    const SIZE_T most = 1 << 20;
    for (SIZE_T done = 0, part; done < length; done += part) {
        part = length - done < most ? length - done : most;
        if (!SystemFunction036(buffer + done, (ULONG)part)) return FALSE;
    }
    return TRUE;
}
