package io.headpond;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** Which room of the house may see which other. */
class ArchitectureTest {
  private static final JavaClasses CORE =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.headpond");

  @Test
  void theStoreDoesNotKnowTheEngine() {
    noClasses()
        .that()
        .resideInAPackage("io.headpond.journal")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.headpond.engine")
        .check(CORE);
  }

  @Test
  void theEngineSeesThePortsAndNoAdapter() {
    noClasses()
        .that()
        .resideInAPackage("io.headpond.engine")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.headpond.journal", "java.sql..")
        .check(CORE);
  }

  @Test
  void coreUsesTheJdkAndThreeSmallLibraries() {
    classes()
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "io.headpond..",
            "java..",
            "org.slf4j..",
            "org.jspecify..",
            "com.github.benmanes.caffeine..")
        .check(CORE);
  }

  @Test
  void nothingPrintsOrSleeps() {
    noClasses()
        .should()
        .callMethod(Thread.class, "sleep", long.class)
        .orShould()
        .accessField(System.class, "out")
        .orShould()
        .accessField(System.class, "err")
        .check(CORE);
  }
}
