// One open casacore table as a JavaScript object. Not for use from two threads: while putArrayAsync
// is under way on another, every other call refuses.
#pragma once

#include <casacore/tables/Tables/Table.h>
#include <napi.h>

#include <functional>
#include <string>

namespace contimg {

class TableObject : public Napi::ObjectWrap<TableObject> {
 public:
  static Napi::Function define(Napi::Env env);
  // (path, writable)
  explicit TableObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value rowCount(const Napi::CallbackInfo& info);
  Napi::Value columnNames(const Napi::CallbackInfo& info);
  // (column) → { valueType, isScalar, ndim, shape | undefined }
  Napi::Value columnInfo(const Napi::CallbackInfo& info);
  Napi::Value addRows(const Napi::CallbackInfo& info);
  // (column, startRow, rowCount[, target]) → target, or string[] of a string column
  Napi::Value getScalars(const Napi::CallbackInfo& info);
  // (column, startRow, typed array or string[])
  Napi::Value putScalars(const Napi::CallbackInfo& info);
  // (column, startRow, rowCount, target): cells of one shape, row after row
  Napi::Value getArray(const Napi::CallbackInfo& info);
  // (column, startRow, rowCount, cellShape, data)
  Napi::Value putArray(const Napi::CallbackInfo& info);
  // As putArray, on a thread of libuv's → promise; the data belong to it until it settles
  Napi::Value putArrayAsync(const Napi::CallbackInfo& info);
  // (column, row) → shape, or undefined where the cell was never written
  Napi::Value cellShape(const Napi::CallbackInfo& info);
  // (column, row) → typed array or string[] of an array cell
  Napi::Value getCell(const Napi::CallbackInfo& info);
  // (column, row, shape, typed array or string[])
  Napi::Value putCell(const Napi::CallbackInfo& info);
  // ([column]) → object
  Napi::Value keywords(const Napi::CallbackInfo& info);
  // (name, value[, column])
  Napi::Value putKeyword(const Napi::CallbackInfo& info);
  // () → [type, subType]
  Napi::Value info(const Napi::CallbackInfo& info);
  Napi::Value flush(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  // Runs `action` with casacore's errors prefixed by the path and what is being done.
  template <class Action> Napi::Value during(const Napi::CallbackInfo&, const char*, Action);
  const casacore::ColumnDesc& description(const std::string& column) const;
  void checkRows(size_t startRow, size_t rowCount) const;
  // What putArray's arguments ask for; `data` must stay alive until it was called.
  std::function<void()> arrayPut(const Napi::CallbackInfo& info);

  friend class PutWorker;
  casacore::Table table_;
  std::string path_;
  bool isWriting_ = false;
};

}  // namespace contimg
