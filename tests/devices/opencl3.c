/* OpenVINO builds its kernels for OpenCL C 2.0, and Mesa's software OpenCL has their sub-group functions in 3.0 only.
 * Preloaded, this adds the option; with SIZER_TEST_CRASH set it dies as a driver does. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int clBuildProgram(void *program, unsigned count, const void *devices, const char *options, void *notify, void *data) {
    static char longer[65536];
    int (*real)(void *, unsigned, const void *, const char *, void *, void *) =
        dlsym(dlopen("libOpenCL.so.1", RTLD_LAZY), "clBuildProgram");
    if (getenv("SIZER_TEST_CRASH")) *(volatile int *)0 = 0;
    snprintf(longer, sizeof longer, "%s -cl-std=CL3.0", options ? options : "");
    return real(program, count, devices, longer, notify, data);
}
