// casacore records (keyword sets) as plain JavaScript objects, and back.
#pragma once

#include <casacore/tables/Tables/TableRecord.h>
#include <napi.h>

namespace contimg {

// Subtables appear as { table: path }. A field of an unsupported type is left out.
Napi::Value jsRecord(Napi::Env env, const casacore::TableRecord& record);

// Strings, booleans, numbers (double), arrays of strings, Float64Array, Int32Array,
// { int: n } for a 32-bit integer, { float: x }, { table: path } for a subtable, and objects of
// all these.
void defineField(casacore::TableRecord& record, const std::string& name, const Napi::Value& value);

}  // namespace contimg
