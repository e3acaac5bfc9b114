"""Static files under names that change with their content, ES modules' imports included."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):
    """Hashed and compressed; a missing file is an error at collection, not on the page."""

    support_js_module_import_aggregation = True
