// Making new tables: generic ones, Measurement Sets, and copies of subtables.
#pragma once

#include <napi.h>

namespace contimg {

// (path, { type, subType, columns: [{ name, valueType, axisCount, shape?, comment? }] })
Napi::Value createTable(const Napi::CallbackInfo& info);

// (path, { channelCount, polarizationCount, tileRows, weightSpectrum, correctedData })
// An empty Measurement Set with all default subtables.
Napi::Value createMeasurementSet(const Napi::CallbackInfo& info);

// (from, to): a full copy with the values.
Napi::Value copyTable(const Napi::CallbackInfo& info);

}  // namespace contimg
