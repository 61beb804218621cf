// What the plug-ins need of the frei0r 1.2 interface, and how ffmpeg (libavfilter/vf_frei0r.c) uses it. Declared anew, for C11.
//
// ffmpeg's order, of one filter: dlopen, f0r_init, f0r_get_plugin_info, then f0r_construct with the size, then f0r_set_param_value
// for each text of filter_params, then f0r_update for each frame, f0r_destruct, f0r_deinit, dlclose. What is not plain from that:
//
//   - Parameters come AFTER f0r_construct, and cannot be refused. Those at the end that the user left out do not come at all; one
//     left empty ("cam0||8") comes as "". The text lives only during the call.
//   - `sendcmd` and `zmq` set filter_params anew: all texts that are given come again, between two frames. Only for the filter,
//     not for the source.
//   - A change of size makes a new filter, or (f0r_destruct, f0r_construct) a new instance in the old one.
//   - NULL from f0r_construct ends ffmpeg with "Impossible to load frei0r instance".
//   - Newer versions load the plug-in twice at the start: f0r_init and f0r_deinit for a look, with no instance.
//   - Several filters in one process are one plug-in: dlopen counts. Calls of one instance never overlap, but may come from
//     different threads, one after another; those of different instances may run at the same time.
//   - f0r_update gets a copy of the frame or the frame itself, and another buffer for the result. They are never the same.
//   - Lines are not always 4 * width bytes apart, and the time is not always a time: see plugin.h.
#ifndef FRAMEBRIDGE_FREI0R_H
#define FRAMEBRIDGE_FREI0R_H

#include <stdint.h>

#define FREI0R_MAJOR_VERSION 1
#define FREI0R_MINOR_VERSION 2

enum { F0R_PLUGIN_TYPE_FILTER = 0, F0R_PLUGIN_TYPE_SOURCE = 1 };

// The order of the bytes in memory. Packed: any four-byte one that the graph has, in the order of the graph, RGBA not among them.
enum { F0R_COLOR_MODEL_BGRA8888 = 0, F0R_COLOR_MODEL_RGBA8888 = 1, F0R_COLOR_MODEL_PACKED32 = 2 };

// A value is a double * for the first two (ffmpeg: y or n, a number), a char ** for a string.
enum { F0R_PARAM_BOOL = 0, F0R_PARAM_DOUBLE = 1, F0R_PARAM_STRING = 4 };

typedef void *f0r_instance_t;
typedef void *f0r_param_t;

typedef struct {
  const char *name;
  const char *author;
  int plugin_type;
  int color_model;
  int frei0r_version;
  int major_version;
  int minor_version;
  int num_params;
  const char *explanation;
} f0r_plugin_info_t;

typedef struct {
  const char *name;
  int type;
  const char *explanation;
} f0r_param_info_t;

// All else in a plug-in is hidden: several of them, and whatever else, live in one process.
#define FB_EXPORT __attribute__((visibility("default")))

FB_EXPORT int f0r_init(void);  // ffmpeg: below 0 is a failure
FB_EXPORT void f0r_deinit(void);
FB_EXPORT void f0r_get_plugin_info(f0r_plugin_info_t *info);
FB_EXPORT void f0r_get_param_info(f0r_param_info_t *info, int index);
FB_EXPORT f0r_instance_t f0r_construct(unsigned int width, unsigned int height);
FB_EXPORT void f0r_destruct(f0r_instance_t instance);
FB_EXPORT void f0r_set_param_value(f0r_instance_t instance, f0r_param_t value, int index);
FB_EXPORT void f0r_get_param_value(f0r_instance_t instance, f0r_param_t value, int index);
FB_EXPORT void f0r_update(f0r_instance_t instance, double time, const uint32_t *in, uint32_t *out);

#endif
