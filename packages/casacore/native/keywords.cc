#include "keywords.h"

#include <casacore/casa/Arrays/Vector.h>
#include <casacore/casa/Containers/Record.h>
#include <casacore/tables/Tables/Table.h>
#include <casacore/tables/Tables/TableKeyword.h>

#include "convert.h"

using casacore::AipsError;
using casacore::RecordInterface;
using casacore::TableRecord;

namespace contimg {

namespace {

Napi::Value jsField(Napi::Env env, const RecordInterface& record, casacore::Int field);

Napi::Object jsPlainRecord(Napi::Env env, const RecordInterface& record) {
  auto out = Napi::Object::New(env);
  for (casacore::uInt field = 0; field < record.nfields(); field++)
    out.Set(std::string(record.name(field)), jsField(env, record, static_cast<int>(field)));
  return out;
}

Napi::Value jsField(Napi::Env env, const RecordInterface& record, casacore::Int field) {
  switch (record.dataType(field)) {
    case casacore::TpBool: return Napi::Boolean::New(env, record.asBool(field));
    case casacore::TpShort:
    case casacore::TpInt:
    case casacore::TpUInt:
    case casacore::TpFloat:
    case casacore::TpDouble: return Napi::Number::New(env, record.asDouble(field));
    case casacore::TpString: return Napi::String::New(env, std::string(record.asString(field)));
    case casacore::TpArrayString: return jsStrings(env, record.asArrayString(field));
    case casacore::TpArrayInt: return copyOf(env, record.asArrayInt(field));
    case casacore::TpArrayFloat: return copyOf(env, record.asArrayFloat(field));
    case casacore::TpArrayDouble: return copyOf(env, record.asArrayDouble(field));
    case casacore::TpRecord: return jsPlainRecord(env, record.asRecord(field));
    default: return env.Undefined();
  }
}

void defineObject(TableRecord& record, const std::string& name, const Napi::Object& object) {
  if (object.Has("table")) {
    record.defineTable(name, casacore::Table(stringOf(object.Get("table"))));
  } else if (object.Has("int")) {
    record.define(name, object.Get("int").As<Napi::Number>().Int32Value());
  } else if (object.Has("float")) {
    record.define(name, object.Get("float").As<Napi::Number>().FloatValue());
  } else {
    TableRecord nested;
    auto names = object.GetPropertyNames();
    for (uint32_t index = 0; index < names.Length(); index++) {
      std::string key = names.Get(index).As<Napi::String>();
      defineField(nested, key, object.Get(key));
    }
    record.defineRecord(name, nested);
  }
}

void defineTyped(TableRecord& record, const std::string& name, const Napi::TypedArray& array) {
  casacore::IPosition shape(1, array.ElementLength());
  auto define = [&](auto tag) {
    using T = typename decltype(tag)::Type;
    record.define(name, casacore::Vector<T>(casacore::Array<T>(
                            shape, elementsOf<T>(array, array.ElementLength()), casacore::COPY)));
  };
  switch (array.TypedArrayType()) {
    case napi_float64_array: return define(Tag<casacore::Double>{});
    case napi_int32_array: return define(Tag<casacore::Int>{});
    default: throw AipsError("a keyword's array must be Float64Array or Int32Array");
  }
}

}  // namespace

Napi::Value jsRecord(Napi::Env env, const TableRecord& record) {
  auto out = Napi::Object::New(env);
  for (casacore::uInt field = 0; field < record.nfields(); field++) {
    std::string name = record.name(field);
    if (record.dataType(field) == casacore::TpTable) {
      auto link = Napi::Object::New(env);
      link.Set("table", std::string(record.tableAttributes(field).name()));
      out.Set(name, link);
    } else {
      out.Set(name, jsField(env, record, static_cast<int>(field)));
    }
  }
  return out;
}

void defineField(TableRecord& record, const std::string& name, const Napi::Value& value) {
  if (value.IsString()) record.define(name, stringOf(value));
  else if (value.IsBoolean()) record.define(name, value.As<Napi::Boolean>().Value());
  else if (value.IsNumber()) record.define(name, value.As<Napi::Number>().DoubleValue());
  else if (value.IsArray())
    record.define(name, casacore::Vector<casacore::String>(stringsOf(value)));
  else if (value.IsTypedArray()) defineTyped(record, name, value.As<Napi::TypedArray>());
  else if (value.IsObject()) defineObject(record, name, value.As<Napi::Object>());
  else throw AipsError("keyword " + name + " has a value of a type that no keyword has");
}

}  // namespace contimg
