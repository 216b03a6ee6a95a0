import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.connector.catalog.TableChange;
import org.apache.spark.sql.execution.datasources.parquet.ParquetFileFormat;
import org.apache.spark.sql.execution.datasources.v2.parquet.ParquetTable;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;
import scala.Option;
import scala.jdk.javaapi.CollectionConverters;

/** Exported tables, `ROOT/<catalog>/<schema>/<table>/*.parquet`, to be read by their three-part names. */
public final class ExportCatalog implements TableCatalog {
    private String name;

    @Override
    public void initialize(String name, CaseInsensitiveStringMap options) {
        this.name = name;
    }

    @Override
    public String name() {
        return name;
    }

    /** The root is a setting of the session, so that one session reads one estate after the other. */
    @Override
    public Table loadTable(Identifier table) throws NoSuchTableException {
        SparkSession session = SparkSession.active();
        Path root = Path.of(session.conf().get("spark.export.root"), name);
        Path folder = root.resolve(Path.of(table.namespace()[0], table.name()));
        if (!Files.isDirectory(folder)) {
            throw new NoSuchTableException(table);
        }
        var paths = CollectionConverters.asScala(List.of(folder.toString())).toSeq();
        var options = new CaseInsensitiveStringMap(Map.of());
        return new ParquetTable(table.toString(), session, options, paths, Option.empty(), ParquetFileFormat.class);
    }

    @Override
    public Identifier[] listTables(String[] namespace) {
        throw new UnsupportedOperationException("tables are read by name");
    }

    @Override
    public Table alterTable(Identifier table, TableChange... changes) {
        throw new UnsupportedOperationException("read only");
    }

    @Override
    public boolean dropTable(Identifier table) {
        throw new UnsupportedOperationException("read only");
    }

    @Override
    public void renameTable(Identifier from, Identifier to) {
        throw new UnsupportedOperationException("read only");
    }
}
