#include "create.h"

#include <casacore/ms/MeasurementSets/MeasurementSet.h>
#include <casacore/tables/DataMan/IncrementalStMan.h>
#include <casacore/tables/DataMan/StandardStMan.h>
#include <casacore/tables/DataMan/TiledColumnStMan.h>
#include <casacore/tables/Tables/ArrColDesc.h>
#include <casacore/tables/Tables/ScaColDesc.h>
#include <casacore/tables/Tables/SetupNewTab.h>
#include <casacore/tables/Tables/TableDesc.h>

#include "convert.h"

using casacore::AipsError;
using casacore::ArrayColumnDesc;
using casacore::ColumnDesc;
using casacore::IPosition;
using casacore::ScalarColumnDesc;
using casacore::String;
using casacore::TableDesc;

namespace contimg {

namespace {

template <class T> void addScalar(TableDesc& table, const String& name) {
  table.addColumn(ScalarColumnDesc<T>(name));
}

template <class T>
void addArray(TableDesc& table, const String& name, int axisCount, const IPosition& shape) {
  if (shape.empty()) table.addColumn(ArrayColumnDesc<T>(name, axisCount));
  else
    table.addColumn(ArrayColumnDesc<T>(name, shape, ColumnDesc::FixedShape | ColumnDesc::Direct));
}

void addColumn(TableDesc& table, const Napi::Object& column) {
  String name = stringOf(column.Get("name"));
  auto type = typeOf(stringOf(column.Get("valueType")));
  int axisCount = column.Get("axisCount").As<Napi::Number>().Int32Value();
  auto shape = column.Has("shape") ? shapeOf(column.Get("shape")) : IPosition();
  auto add = [&](auto tag) {
    using T = typename decltype(tag)::Type;
    if (axisCount == 0) addScalar<T>(table, name);
    else addArray<T>(table, name, axisCount, shape);
  };
  if (type == casacore::TpString) add(Tag<String>{});
  else withElement(type, add);
}

struct MeasurementSetShape {
  int channelCount;
  int polarizationCount;
  int tileRows;
  bool weightSpectrum;
  bool correctedData;
};

MeasurementSetShape measurementSetShape(const Napi::Object& options) {
  auto number = [&](const char* name) { return static_cast<int>(countOf(options.Get(name))); };
  auto boolean = [&](const char* name) { return options.Get(name).As<Napi::Boolean>().Value(); };
  return {number("channelCount"), number("polarizationCount"), number("tileRows"),
          boolean("weightSpectrum"), boolean("correctedData")};
}

// The required columns with fixed shapes where casacore's default leaves them open: only fixed
// cells can be tiled in one hypercube. A column's shape cannot be changed, so it is made anew.
TableDesc measurementSetColumns(const MeasurementSetShape& shape) {
  TableDesc table = casacore::MS::requiredTableDesc();
  IPosition cell(2, shape.polarizationCount, shape.channelCount);
  table.addColumn(ArrayColumnDesc<casacore::Complex>("DATA", cell, ColumnDesc::FixedShape));
  if (shape.weightSpectrum)
    table.addColumn(
        ArrayColumnDesc<casacore::Float>("WEIGHT_SPECTRUM", cell, ColumnDesc::FixedShape));
  if (shape.correctedData)
    table.addColumn(
        ArrayColumnDesc<casacore::Complex>("CORRECTED_DATA", cell, ColumnDesc::FixedShape));
  table.removeColumn("FLAG");
  table.addColumn(ArrayColumnDesc<casacore::Bool>("FLAG", cell, ColumnDesc::FixedShape));
  for (const char* name : {"WEIGHT", "SIGMA"}) {
    table.removeColumn(name);
    table.addColumn(ArrayColumnDesc<casacore::Float>(
        name, IPosition(1, shape.polarizationCount), ColumnDesc::FixedShape | ColumnDesc::Direct));
  }
  return table;
}

void bindStorage(casacore::SetupNewTable& setup, const MeasurementSetShape& shape) {
  setup.bindAll(casacore::StandardStMan("Standard"));
  casacore::IncrementalStMan incremental("Incremental");
  for (const char* name :
       {"ARRAY_ID", "DATA_DESC_ID", "EXPOSURE", "FEED1", "FEED2", "FIELD_ID", "FLAG_ROW",
        "INTERVAL", "OBSERVATION_ID", "PROCESSOR_ID", "SCAN_NUMBER", "STATE_ID", "TIME",
        "TIME_CENTROID"})
    setup.bindColumn(name, incremental);
  IPosition tile(3, shape.polarizationCount, shape.channelCount, shape.tileRows);
  auto bindTiled = [&](const char* column, const char* manager, const IPosition& tileShape) {
    setup.bindColumn(column, casacore::TiledColumnStMan(manager, tileShape));
  };
  bindTiled("DATA", "TiledData", tile);
  bindTiled("FLAG", "TiledFlag", tile);
  if (shape.weightSpectrum) bindTiled("WEIGHT_SPECTRUM", "TiledWeightSpectrum", tile);
  if (shape.correctedData) bindTiled("CORRECTED_DATA", "TiledCorrected", tile);
  bindTiled("UVW", "TiledUvw", IPosition(2, 3, 4096));
}

}  // namespace

Napi::Value createTable(const Napi::CallbackInfo& info) {
  return guard(info.Env(), "creating a table", [&]() -> Napi::Value {
    auto options = info[1].As<Napi::Object>();
    auto columns = options.Get("columns").As<Napi::Array>();
    TableDesc description("", "", TableDesc::Scratch);
    for (uint32_t index = 0; index < columns.Length(); index++)
      addColumn(description, columns.Get(index).As<Napi::Object>());
    casacore::SetupNewTable setup(stringOf(info[0]), description, casacore::Table::NewNoReplace);
    setup.bindAll(casacore::StandardStMan("Standard"));
    casacore::Table table(setup);
    table.tableInfo().setType(stringOf(options.Get("type")));
    table.tableInfo().setSubType(stringOf(options.Get("subType")));
    table.flush();
    return info.Env().Undefined();
  });
}

Napi::Value createMeasurementSet(const Napi::CallbackInfo& info) {
  return guard(info.Env(), "creating a Measurement Set", [&]() -> Napi::Value {
    auto shape = measurementSetShape(info[1].As<Napi::Object>());
    casacore::SetupNewTable setup(stringOf(info[0]), measurementSetColumns(shape),
                                  casacore::Table::NewNoReplace);
    bindStorage(setup, shape);
    casacore::MeasurementSet set(setup);
    set.createDefaultSubtables(casacore::Table::New);
    set.flush();
    return info.Env().Undefined();
  });
}

Napi::Value copyTable(const Napi::CallbackInfo& info) {
  return guard(info.Env(), "copying a table", [&]() -> Napi::Value {
    casacore::Table source(stringOf(info[0]));
    source.deepCopy(stringOf(info[1]), casacore::Table::NewNoReplace, true);
    return info.Env().Undefined();
  });
}

}  // namespace contimg
