#include "table.h"

#include <casacore/tables/Tables/ArrayColumn.h>
#include <casacore/tables/Tables/RefRows.h>
#include <casacore/tables/Tables/ScalarColumn.h>
#include <casacore/tables/Tables/TableLock.h>
#include <casacore/tables/Tables/TableRecord.h>

#include "convert.h"
#include "keywords.h"

using casacore::AipsError;
using casacore::Array;
using casacore::ArrayColumn;
using casacore::IPosition;
using casacore::RefRows;
using casacore::ScalarColumn;
using casacore::String;
using casacore::TableLock;
using casacore::Vector;

namespace contimg {

namespace {
// Ranges of rows come one after another, so tiles are not met again; casacore would hold as many as
// a range has.
constexpr casacore::uInt TILE_CACHE_BYTES = 4u << 20;
}  // namespace

Napi::Function TableObject::define(Napi::Env env) {
  return DefineClass(env, "Table",
                     {InstanceMethod("rowCount", &TableObject::rowCount),
                      InstanceMethod("columnNames", &TableObject::columnNames),
                      InstanceMethod("columnInfo", &TableObject::columnInfo),
                      InstanceMethod("addRows", &TableObject::addRows),
                      InstanceMethod("getScalars", &TableObject::getScalars),
                      InstanceMethod("putScalars", &TableObject::putScalars),
                      InstanceMethod("getArray", &TableObject::getArray),
                      InstanceMethod("putArray", &TableObject::putArray),
                      InstanceMethod("putArrayAsync", &TableObject::putArrayAsync),
                      InstanceMethod("cellShape", &TableObject::cellShape),
                      InstanceMethod("getCell", &TableObject::getCell),
                      InstanceMethod("putCell", &TableObject::putCell),
                      InstanceMethod("keywords", &TableObject::keywords),
                      InstanceMethod("putKeyword", &TableObject::putKeyword),
                      InstanceMethod("info", &TableObject::info),
                      InstanceMethod("flush", &TableObject::flush),
                      InstanceMethod("close", &TableObject::close)});
}

TableObject::TableObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<TableObject>(info) {
  guard(info.Env(), "opening a table", [&] {
    path_ = stringOf(info[0]);
    bool writable = info[1].As<Napi::Boolean>();
    // A writer keeps its lock: nobody reads a product before it is published, and taking the
    // lock at every call costs more than the calls. A reader of finished tables needs none.
    TableLock lock(writable ? TableLock::PermanentLockingWait : TableLock::AutoNoReadLocking);
    table_ = casacore::Table(path_, lock,
                             writable ? casacore::Table::Update : casacore::Table::Old);
  });
}

template <class Action>
Napi::Value TableObject::during(const Napi::CallbackInfo& info, const char* doing, Action action) {
  std::string where = path_ + ": " + doing;
  if (info.Length() > 0 && info[0].IsString())
    where += " " + info[0].As<Napi::String>().Utf8Value();
  return guard(info.Env(), where, [&]() -> Napi::Value {
    if (isWriting_) throw AipsError("another thread is writing the table");
    if (table_.isNull()) throw AipsError("the table is closed");
    return action();
  });
}

const casacore::ColumnDesc& TableObject::description(const std::string& column) const {
  if (!table_.tableDesc().isColumn(column)) throw AipsError("there is no such column");
  return table_.tableDesc()[column];
}

void TableObject::checkRows(size_t startRow, size_t rowCount) const {
  if (rowCount == 0) throw AipsError("no rows were asked for");
  if (startRow + rowCount > table_.nrow())
    throw AipsError("rows " + std::to_string(startRow) + " to " +
                    std::to_string(startRow + rowCount - 1) + " were asked for, there are " +
                    std::to_string(table_.nrow()));
}

Napi::Value TableObject::rowCount(const Napi::CallbackInfo& info) {
  return during(info, "counting rows", [&] {
    return Napi::Number::New(info.Env(), static_cast<double>(table_.nrow()));
  });
}

Napi::Value TableObject::columnNames(const Napi::CallbackInfo& info) {
  return during(info, "listing columns", [&] {
    return jsStrings(info.Env(), table_.tableDesc().columnNames());
  });
}

Napi::Value TableObject::columnInfo(const Napi::CallbackInfo& info) {
  return during(info, "describing column", [&]() -> Napi::Value {
    const auto& column = description(stringOf(info[0]));
    auto out = Napi::Object::New(info.Env());
    out.Set("valueType", typeName(column.dataType()));
    out.Set("isScalar", column.isScalar());
    out.Set("axisCount", column.isScalar() ? 0 : column.ndim());
    if (column.isFixedShape()) out.Set("shape", jsShape(info.Env(), column.shape()));
    return out;
  });
}

Napi::Value TableObject::addRows(const Napi::CallbackInfo& info) {
  return during(info, "adding rows", [&] {
    table_.addRow(countOf(info[0]));
    return info.Env().Undefined();
  });
}

Napi::Value TableObject::getScalars(const Napi::CallbackInfo& info) {
  return during(info, "reading column", [&]() -> Napi::Value {
    std::string column = stringOf(info[0]);
    size_t startRow = countOf(info[1]);
    size_t rowCount = countOf(info[2]);
    checkRows(startRow, rowCount);
    RefRows rows(startRow, startRow + rowCount - 1);
    if (description(column).dataType() == casacore::TpString)
      return jsStrings(info.Env(), ScalarColumn<String>(table_, column).getColumnCells(rows));
    withElement(description(column).dataType(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      Vector<T> target(
          Array<T>(IPosition(1, rowCount), elementsOf<T>(info[3], rowCount), casacore::SHARE));
      ScalarColumn<T>(table_, column).getColumnCells(rows, target);
    });
    return info[3];
  });
}

Napi::Value TableObject::putScalars(const Napi::CallbackInfo& info) {
  return during(info, "writing column", [&]() -> Napi::Value {
    std::string column = stringOf(info[0]);
    size_t startRow = countOf(info[1]);
    if (description(column).dataType() == casacore::TpString) {
      Vector<String> strings(stringsOf(info[2]));
      checkRows(startRow, strings.size());
      ScalarColumn<String>(table_, column)
          .putColumnCells(RefRows(startRow, startRow + strings.size() - 1), strings);
      return info.Env().Undefined();
    }
    withElement(description(column).dataType(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      size_t rowCount = info[2].As<Napi::TypedArray>().ElementLength() / Element<T>::parts;
      checkRows(startRow, rowCount);
      Vector<T> values(
          Array<T>(IPosition(1, rowCount), elementsOf<T>(info[2], rowCount), casacore::SHARE));
      ScalarColumn<T>(table_, column)
          .putColumnCells(RefRows(startRow, startRow + rowCount - 1), values);
    });
    return info.Env().Undefined();
  });
}

Napi::Value TableObject::getArray(const Napi::CallbackInfo& info) {
  return during(info, "reading column", [&]() -> Napi::Value {
    std::string column = stringOf(info[0]);
    size_t startRow = countOf(info[1]);
    size_t rowCount = countOf(info[2]);
    checkRows(startRow, rowCount);
    withElement(description(column).dataType(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      ArrayColumn<T> cells(table_, column);
      // A cell of a fixed-shape column has its shape before it is written; others may not.
      if (!cells.isDefined(startRow)) throw AipsError("the first cell was never written");
      IPosition shape = cells.shape(startRow);
      shape.append(IPosition(1, rowCount));
      Array<T> target(shape, elementsOf<T>(info[3], shape.product()), casacore::SHARE);
      cells.getColumnCells(RefRows(startRow, startRow + rowCount - 1), target);
    });
    return info[3];
  });
}

std::function<void()> TableObject::arrayPut(const Napi::CallbackInfo& info) {
  std::string column = stringOf(info[0]);
  size_t startRow = countOf(info[1]);
  size_t rowCount = countOf(info[2]);
  checkRows(startRow, rowCount);
  IPosition shape = shapeOf(info[3]);
  shape.append(IPosition(1, rowCount));
  return withElement(description(column).dataType(), [&](auto tag) -> std::function<void()> {
    using T = typename decltype(tag)::Type;
    T* elements = elementsOf<T>(info[4], shape.product());
    return [=] {
      Array<T> values(shape, elements, casacore::SHARE);
      ArrayColumn<T> cells(table_, column);
      cells.setMaximumCacheSize(TILE_CACHE_BYTES);
      cells.putColumnCells(RefRows(startRow, startRow + rowCount - 1), values);
    };
  });
}

Napi::Value TableObject::putArray(const Napi::CallbackInfo& info) {
  return during(info, "writing column", [&] {
    arrayPut(info)();
    return info.Env().Undefined();
  });
}

// Holds the table and the data until the write is done.
class PutWorker : public Napi::AsyncWorker {
 public:
  PutWorker(const Napi::CallbackInfo& info, TableObject& table, const std::string& where,
            std::function<void()> put)
      : Napi::AsyncWorker(info.Env()),
        deferred_(Napi::Promise::Deferred::New(info.Env())),
        table_(table),
        where_(where),
        put_(std::move(put)),
        tableReference_(Napi::Persistent(info.This().As<Napi::Object>())),
        dataReference_(Napi::Persistent(info[4].As<Napi::Object>())) {
    table_.isWriting_ = true;
  }

  Napi::Promise promise() { return deferred_.Promise(); }

  void Execute() override {
    try {
      put_();
    } catch (const std::exception& error) {
      SetError(where_ + ": " + error.what());
    }
  }

  void OnOK() override {
    table_.isWriting_ = false;
    deferred_.Resolve(Env().Undefined());
  }

  void OnError(const Napi::Error& error) override {
    table_.isWriting_ = false;
    deferred_.Reject(error.Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  TableObject& table_;
  std::string where_;
  std::function<void()> put_;
  Napi::ObjectReference tableReference_;
  Napi::ObjectReference dataReference_;
};

Napi::Value TableObject::putArrayAsync(const Napi::CallbackInfo& info) {
  return during(info, "writing column", [&]() -> Napi::Value {
    std::string where = path_ + ": writing column " + std::string(stringOf(info[0]));
    auto* worker = new PutWorker(info, *this, where, arrayPut(info));
    auto promise = worker->promise();
    worker->Queue();
    return promise;
  });
}

Napi::Value TableObject::cellShape(const Napi::CallbackInfo& info) {
  return during(info, "reading the cell shape of column", [&]() -> Napi::Value {
    std::string column = stringOf(info[0]);
    size_t row = countOf(info[1]);
    checkRows(row, 1);
    description(column);
    casacore::TableColumn cells(table_, column);
    if (!cells.isDefined(row)) return info.Env().Undefined();
    return jsShape(info.Env(), cells.shape(row));
  });
}

Napi::Value TableObject::getCell(const Napi::CallbackInfo& info) {
  return during(info, "reading column", [&]() -> Napi::Value {
    std::string column = stringOf(info[0]);
    size_t row = countOf(info[1]);
    checkRows(row, 1);
    if (description(column).dataType() == casacore::TpString)
      return jsStrings(info.Env(), ArrayColumn<String>(table_, column).get(row));
    return withElement(description(column).dataType(), [&](auto tag) -> Napi::Value {
      using T = typename decltype(tag)::Type;
      return copyOf<T>(info.Env(), ArrayColumn<T>(table_, column).get(row));
    });
  });
}

Napi::Value TableObject::putCell(const Napi::CallbackInfo& info) {
  return during(info, "writing column", [&]() -> Napi::Value {
    std::string column = stringOf(info[0]);
    size_t row = countOf(info[1]);
    checkRows(row, 1);
    IPosition shape = shapeOf(info[2]);
    if (description(column).dataType() == casacore::TpString) {
      ArrayColumn<String>(table_, column).put(row, stringsOf(info[3]).reform(shape));
      return info.Env().Undefined();
    }
    withElement(description(column).dataType(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      Array<T> values(shape, elementsOf<T>(info[3], shape.product()), casacore::SHARE);
      ArrayColumn<T>(table_, column).put(row, values);
    });
    return info.Env().Undefined();
  });
}

Napi::Value TableObject::keywords(const Napi::CallbackInfo& info) {
  return during(info, "reading keywords", [&]() -> Napi::Value {
    if (info.Length() == 0) return jsRecord(info.Env(), table_.keywordSet());
    std::string column = stringOf(info[0]);
    description(column);
    return jsRecord(info.Env(), casacore::TableColumn(table_, column).keywordSet());
  });
}

Napi::Value TableObject::putKeyword(const Napi::CallbackInfo& info) {
  return during(info, "writing keyword", [&]() -> Napi::Value {
    std::string name = stringOf(info[0]);
    if (info.Length() > 2) {
      std::string column = stringOf(info[2]);
      description(column);
      defineField(casacore::TableColumn(table_, column).rwKeywordSet(), name, info[1]);
    } else {
      defineField(table_.rwKeywordSet(), name, info[1]);
    }
    return info.Env().Undefined();
  });
}

Napi::Value TableObject::info(const Napi::CallbackInfo& info) {
  return during(info, "reading the table's kind", [&]() -> Napi::Value {
    auto out = Napi::Object::New(info.Env());
    out.Set("type", std::string(table_.tableInfo().type()));
    out.Set("subType", std::string(table_.tableInfo().subType()));
    return out;
  });
}

Napi::Value TableObject::flush(const Napi::CallbackInfo& info) {
  return during(info, "flushing", [&] {
    table_.flush();
    return info.Env().Undefined();
  });
}

// Closing twice is no error, so that a `finally` may close what a success has closed.
Napi::Value TableObject::close(const Napi::CallbackInfo& info) {
  return guard(info.Env(), path_ + ": closing", [&]() -> Napi::Value {
    if (isWriting_) throw AipsError("another thread is writing the table");
    if (!table_.isNull() && table_.isWritable()) table_.flush();
    table_ = casacore::Table();
    return info.Env().Undefined();
  });
}

}  // namespace contimg
