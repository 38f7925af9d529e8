// The casacore addon: tables, Measurement Sets, calibration tables.

#include <casacore/casa/Logging/LogSink.h>
#include <casacore/casa/Logging/NullLogSink.h>
#include <napi.h>

#include "create.h"
#include "table.h"

static Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  // casacore writes to standard error about observatory and Earth-orientation tables that we do
  // not use. What matters is thrown, and reaches JavaScript as an Error.
  casacore::LogSinkInterface* silence = new casacore::NullLogSink;
  casacore::LogSink::globalSink(silence);
  exports.Set("Table", contimg::TableObject::define(env));
  exports.Set("createTable", Napi::Function::New(env, contimg::createTable));
  exports.Set("createMeasurementSet", Napi::Function::New(env, contimg::createMeasurementSet));
  exports.Set("copyTable", Napi::Function::New(env, contimg::copyTable));
  return exports;
}

NODE_API_MODULE(casacore, initialize)
