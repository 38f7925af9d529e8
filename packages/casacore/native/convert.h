// Between casacore values and JavaScript ones: types, shapes, strings, errors.
//
// Complex numbers are interleaved re, im in Float32Array or Float64Array; booleans are bytes 0 or 1
// in Uint8Array. Shapes are casacore's own order: the fastest axis first.
#pragma once

#include <casacore/casa/Arrays/Array.h>
#include <casacore/casa/Arrays/IPosition.h>
#include <casacore/casa/BasicSL/Complex.h>
#include <casacore/casa/Exceptions/Error.h>
#include <casacore/casa/Utilities/DataType.h>
#include <napi.h>

#include <string>

namespace contimg {

// What a casacore element is in JavaScript. A type that is not here has no typed array.
template <class T> struct Element;
template <> struct Element<casacore::Bool> {
  using Js = uint8_t;
  static constexpr size_t parts = 1;
  static constexpr napi_typedarray_type kind = napi_uint8_array;
};
template <> struct Element<casacore::Short> {
  using Js = int16_t;
  static constexpr size_t parts = 1;
  static constexpr napi_typedarray_type kind = napi_int16_array;
};
template <> struct Element<casacore::Int> {
  using Js = int32_t;
  static constexpr size_t parts = 1;
  static constexpr napi_typedarray_type kind = napi_int32_array;
};
template <> struct Element<casacore::Float> {
  using Js = float;
  static constexpr size_t parts = 1;
  static constexpr napi_typedarray_type kind = napi_float32_array;
};
template <> struct Element<casacore::Double> {
  using Js = double;
  static constexpr size_t parts = 1;
  static constexpr napi_typedarray_type kind = napi_float64_array;
};
template <> struct Element<casacore::Complex> {
  using Js = float;
  static constexpr size_t parts = 2;
  static constexpr napi_typedarray_type kind = napi_float32_array;
};
template <> struct Element<casacore::DComplex> {
  using Js = double;
  static constexpr size_t parts = 2;
  static constexpr napi_typedarray_type kind = napi_float64_array;
};

template <class T> struct Tag {
  using Type = T;
};

// Calls `action` with the tag of a numeric data type.
template <class Action> auto withElement(casacore::DataType type, Action action) {
  switch (type) {
    case casacore::TpBool: return action(Tag<casacore::Bool>{});
    case casacore::TpShort: return action(Tag<casacore::Short>{});
    case casacore::TpInt: return action(Tag<casacore::Int>{});
    case casacore::TpFloat: return action(Tag<casacore::Float>{});
    case casacore::TpDouble: return action(Tag<casacore::Double>{});
    case casacore::TpComplex: return action(Tag<casacore::Complex>{});
    case casacore::TpDComplex: return action(Tag<casacore::DComplex>{});
    default: throw casacore::AipsError("its value type is not supported");
  }
}

std::string typeName(casacore::DataType type);
casacore::DataType typeOf(const std::string& name);

// The elements of a typed array of exactly the kind that T is stored as.
// Throws unless the array holds `count` elements of T.
template <class T> T* elementsOf(const Napi::Value& value, size_t count) {
  if (!value.IsTypedArray()) throw casacore::AipsError("a typed array was expected");
  auto array = value.As<Napi::TypedArray>();
  if (array.TypedArrayType() != Element<T>::kind)
    throw casacore::AipsError("the typed array is of another kind than the column");
  if (array.ElementLength() != count * Element<T>::parts)
    throw casacore::AipsError("the typed array has " + std::to_string(array.ElementLength()) +
                              " elements, expected " + std::to_string(count * Element<T>::parts));
  auto typed = array.As<Napi::TypedArrayOf<typename Element<T>::Js>>();
  return reinterpret_cast<T*>(typed.Data());
}

// A new typed array with a copy of the elements.
template <class T> Napi::Value copyOf(Napi::Env env, const casacore::Array<T>& array) {
  auto out = Napi::TypedArrayOf<typename Element<T>::Js>::New(
      env, array.nelements() * Element<T>::parts);
  auto* target = reinterpret_cast<T*>(out.Data());
  size_t index = 0;
  for (auto element = array.begin(); element != array.end(); ++element) target[index++] = *element;
  return out;
}

inline casacore::String stringOf(const Napi::Value& value) {
  if (!value.IsString()) throw casacore::AipsError("a string was expected");
  return casacore::String(value.As<Napi::String>().Utf8Value());
}

// A whole number at least 0; row numbers and counts.
inline size_t countOf(const Napi::Value& value) {
  if (!value.IsNumber()) throw casacore::AipsError("a number was expected");
  double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0) || number != static_cast<double>(static_cast<int64_t>(number)))
    throw casacore::AipsError("a whole number at least 0 was expected");
  return static_cast<size_t>(number);
}

casacore::IPosition shapeOf(const Napi::Value& value);
Napi::Value jsShape(Napi::Env env, const casacore::IPosition& shape);
casacore::Array<casacore::String> stringsOf(const Napi::Value& value);
Napi::Value jsStrings(Napi::Env env, const casacore::Array<casacore::String>& strings);

// Turns what casacore throws into a JavaScript Error that says where it happened.
template <class Action>
auto guard(Napi::Env env, const std::string& where, Action action) -> decltype(action()) {
  try {
    return action();
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, where + ": " + error.what());
  }
}

}  // namespace contimg
